using Lapidary.Gemma;
using Lapidary.Jinja;

namespace Lapidary.Training.Data.Storage;

/// <summary>Identifies the code that makes rows and tokens. Data of another version are created again.</summary>
internal static class CodeVersion
{
    /// <summary>The version of this library, which the compiler derives from all of its sources, and of the packages of its
    /// readers.</summary>
    public static string OfTraining { get; } = $"{typeof(CodeVersion).Module.ModuleVersionId}";

    /// <summary>The same, including the tokenizer.</summary>
    public static string OfTokens { get; } =
        $"{OfTraining} {typeof(ChatTurn).Module.ModuleVersionId} {typeof(Template).Module.ModuleVersionId}";
}
