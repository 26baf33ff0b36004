using Lapidary.TextToSql.Databases;

namespace Lapidary.TextToSql.Scoring;

/// <summary>What an answer and a reference gave on one database.</summary>
/// <param name="Ours">Why they differ by this project's definition; null where they agree.</param>
/// <param name="Failure">Why the answer gave nothing; null where it did.</param>
/// <param name="TestSuite">Whether they agree by the definition of Spider's test suite.</param>
/// <param name="Bird">Whether they agree by BIRD's.</param>
/// <param name="IsEmpty">Whether the reference gave no rows, or changed nothing.</param>
/// <param name="Expected">The reference's result.</param>
/// <param name="Found">The answer's.</param>
internal sealed record Agreement(
    string? Ours, SqlFailure? Failure, bool TestSuite, bool Bird, bool IsEmpty, ResultRows? Expected, ResultRows? Found);
