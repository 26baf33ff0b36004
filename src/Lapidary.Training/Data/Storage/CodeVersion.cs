using Lapidary.Gemma;
using Lapidary.Jinja;

namespace Lapidary.Training.Data.Storage;

/// <summary>Tells the code that makes rows and tokens from any other: what another version kept is made again.</summary>
internal static class CodeVersion
{
    /// <summary>Of this library, which the compiler derives from all of its sources, and of its readers' packages.</summary>
    public static string OfTraining { get; } = $"{typeof(CodeVersion).Module.ModuleVersionId}";

    /// <summary>The same with what tokenizes.</summary>
    public static string OfTokens { get; } =
        $"{OfTraining} {typeof(ChatTurn).Module.ModuleVersionId} {typeof(Template).Module.ModuleVersionId}";
}
