using System.Globalization;

namespace Lapidary.Training.Checkpoints;

/// <summary>Names the modules of the decoder's layers briefly.</summary>
internal static class ModuleList
{
    /// <summary>"q_proj, v_proj" if every layer has them; otherwise with layer numbers: "q_proj (layers 0 1 3)".</summary>
    public static string Describe(IEnumerable<string> modules, int layers) => string.Join(", ", modules
        .Select(module => (Name: module[(module.LastIndexOf('.') + 1)..], Layer: LayerOf(module)))
        .GroupBy(module => module.Name)
        .Select(group => group.All(module => module.Layer is null) || group.Count() == layers
            ? group.Key
            : $"{group.Key} (layers {string.Join(' ', group.Select(module => module.Layer))})")
        .Order(StringComparer.Ordinal));

    private static int? LayerOf(string module)
    {
        foreach (string part in module.Split('.'))
            if (int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int layer)) return layer;
        return null;
    }
}
