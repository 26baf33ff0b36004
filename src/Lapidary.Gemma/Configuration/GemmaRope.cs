using Lapidary.Formats.Files;

namespace Lapidary.Gemma.Configuration;

/// <summary>The rotary embedding's settings in both spellings: rope_theta, rope_local_base_freq and rope_scaling, or rope_parameters by
/// layer type.</summary>
internal readonly record struct GemmaRope(double Theta, double LocalTheta, double Factor)
{
    private const string OtherModel = "choose a Gemma 3 checkpoint with linear scaling or none";

    public static GemmaRope Read(JsonSection text)
    {
        double theta = text.Positive("rope_theta", 1_000_000), localTheta = text.Positive("rope_local_base_freq", 10_000), factor = 1;
        if (text.Section("rope_parameters") is { } parameters)
        {
            foreach (var (key, _) in parameters.Json)
            {
                if (key is not ("full_attention" or "sliding_attention"))
                    throw parameters.Error(key, "only full_attention and sliding_attention in rope_parameters", OtherModel);
            }

            if (parameters.Section("full_attention") is { } full)
            {
                theta = full.Positive("rope_theta", theta);
                factor = FactorOf(full);
            }

            if (parameters.Section("sliding_attention") is { } sliding)
            {
                localTheta = sliding.Positive("rope_theta", localTheta);
                if (FactorOf(sliding) != 1) throw sliding.Error("rope_type", "\"default\"", OtherModel);
            }
        }

        // transformers lays rope_scaling over the full layers' parameters.
        return new GemmaRope(theta, localTheta, text.Section("rope_scaling") is { } scaling ? FactorOf(scaling) : factor);
    }

    private static double FactorOf(JsonSection section)
    {
        string key = section.Has("rope_type") || !section.Has("type") ? "rope_type" : "type";
        switch (section.Text(key))
        {
            case null or "default": return 1;
            case "linear" when !section.Has("factor"): throw section.Error("factor", "a number above 0");
            case "linear": return section.Positive("factor", 1);
            default: throw section.Error(key, "\"linear\" or \"default\"", OtherModel);
        }
    }
}
