using Lapidary.Cli.CommandLine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;
using Lapidary.Training.Checkpoints;

namespace Lapidary.Cli.Bench;

/// <summary>A benchmark: training steps of a random model of a published size, or decoding with it.</summary>
/// <param name="Name">As on the command line.</param>
/// <param name="Meaning">One line for the help text.</param>
internal sealed record BenchCase(string Name, string Meaning)
{
    /// <summary>"1b".</summary>
    public required string Size { get; init; }

    /// <summary>What is trained.</summary>
    public TrainingMethod Method { get; init; }

    /// <summary>Rows per micro-batch; texts at once when decoding, 0 for as many as the device works on efficiently.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Tokens of a row; of the prompt when decoding.</summary>
    public int Length { get; init; } = 512;

    /// <summary>Micro-batches per optimizer step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>Whether embed_tokens and lm_head are trained, as in the guide.</summary>
    public bool TrainEmbeddings { get; init; }

    /// <summary>See SftConfig.</summary>
    public GradientCheckpointing GradientCheckpointing { get; init; }

    /// <summary>Probability of LoRA's dropout, which only the guide's recipe uses.</summary>
    public double LoraDropout { get; init; }

    /// <summary>Texts in all, where more are generated than at once; 0 for a case that measures other things.</summary>
    public int Texts { get; init; }

    /// <summary>Tokens to decode; 0 for training.</summary>
    public int NewTokens { get; init; }

    /// <summary>How tokens are chosen when decoding.</summary>
    public GenerationOptions Choice { get; init; } = new();

    /// <summary>Number of measured optimizer steps or generations.</summary>
    public int Steps { get; init; } = 10;

    /// <summary>Number of warm-up steps or generations before them.</summary>
    public int Warmup { get; init; } = 3;

    /// <summary>Whether all weights are trained.</summary>
    public bool IsFull => Method == TrainingMethod.Full && NewTokens == 0;

    /// <summary>Tokens of an optimizer step.</summary>
    public long TokensPerStep => (long)Batch * Length * Accumulation;

    /// <summary>New tokens of a text: those that are measured, and, where all texts decode at once, those that the first ones decode while
    /// the last prompts are stored.</summary>
    public long TokensPerText => NewTokens + (Texts > 0 ? 0 : (long)Batch * Length / 256 + 2);

    /// <summary>Why the case cannot be measured, whatever the memory; null if it can.</summary>
    public string? Obstacle => NewTokens > 0 ? TextBeyondContext : TooManyTokens ?? RowBeyondContext;

    /// <summary>The cases in the order of the help text.</summary>
    public static IReadOnlyList<BenchCase> All { get; } =
    [
        new("guide1b", "the guide's recipe: 1B, 1 × 512 × accumulation 4, LoRA with dropout, embed_tokens and lm_head trained")
        {
            Size = "1b", Accumulation = 4, TrainEmbeddings = true, LoraDropout = LoraConfig.Guide.LoraDropout,
        },
        new("lora1b", "the same, LoRA alone") { Size = "1b", Accumulation = 4, LoraDropout = LoraConfig.Guide.LoraDropout },
        new("big1b", "1B, 32 × 512") { Size = "1b", Batch = 32 },
        new("big4b", "4B, 8 × 1024") { Size = "4b", Batch = 8, Length = 1024 },
        new("best12b", "12B, 4 × 512") { Size = "12b", Batch = 4 },
        new("lean27b", "27B, 4 × 512, gradient checkpointing")
        {
            Size = "27b", Batch = 4, GradientCheckpointing = GradientCheckpointing.True,
        },
        new("decode1b", "1B, decoding of 60 tokens after a prompt of 300; --batch for several texts at once")
        {
            Size = "1b", Length = 300, NewTokens = 60, Steps = 5, Warmup = 2,
        },
        new("decode4b", "the same for 4B") { Size = "4b", Length = 300, NewTokens = 60, Steps = 5, Warmup = 2 },
        new("answers1b", "1B, answers of 60 tokens to 2,500 prompts of 300, as many at once as the device works on efficiently")
        {
            Size = "1b", Batch = 0, Length = 300, Texts = 2500, NewTokens = 60, Steps = 3, Warmup = 1,
        },
        new("270m", "270M, 1 × 512, for CPUs too") { Size = "270m", Steps = 5, Warmup = 2 },
        new("full270m", "the same with all weights trained; --size for another size")
        {
            Size = "270m", Method = TrainingMethod.Full, Steps = 5, Warmup = 2,
        },
    ];

    /// <summary>The case of a name.</summary>
    /// <exception cref="UsageException">The case does not exist.</exception>
    public static BenchCase Find(string name, string command)
    {
        if (All.FirstOrDefault(known => known.Name == name) is { } found) return found;
        string[] names = [.. All.Select(known => known.Name)];
        string? hint = NearestName.Of(name, names) is { } nearest ? $"Did you mean {nearest}?" : null;
        throw new UsageException($"there is no case {name}; cases are {string.Join(", ", names)}.", command, hint);
    }

    /// <summary>The configuration of its size.</summary>
    public GemmaConfig Config => GemmaConfig.Preset(Size);

    private string? TextBeyondContext
    {
        get
        {
            int context = Config.MaxPositionEmbeddings;
            string smaller = Texts > 0 ? "--length or --max-new-tokens" : "--length, --batch or --max-new-tokens";
            string unmeasured = Texts > 0 ? "" : $" ({NewTokens} to measure after {TokensPerText - NewTokens} while prompts are stored)";
            return Length + TokensPerText <= context ? null
                : $"{Name}: expected at most {context} tokens, the context of {Size}, in a prompt and its text, "
                + $"found {Length} + {TokensPerText}{unmeasured}; give a smaller {smaller}.";
        }
    }

    private string? RowBeyondContext => Length <= Config.MaxPositionEmbeddings ? null
        : $"{Name}: expected at most {Config.MaxPositionEmbeddings} tokens, the context of {Size}, in a row, found {Length}; "
        + "give a smaller --length.";

    private string? TooManyTokens => TokensPerStep <= int.MaxValue ? null
        : $"{Name}: expected at most {int.MaxValue} tokens in a step, found {Batch} × {Length} × {Accumulation}; "
        + "give a smaller --batch, --length or --accumulation.";
}
