using Lapidary.Engine;
using Microsoft.Extensions.Options;

namespace Lapidary.Hosting;

/// <summary>Checks options before the host starts, and refuses those that no client can use.</summary>
internal sealed class OptionsValidator : IValidateOptions<LapidaryChatClientOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, LapidaryChatClientOptions options)
    {
        List<string> wrong = [];
        if (string.IsNullOrWhiteSpace(options.Model)) wrong.Add("Model must name a folder or an id of the Hub, got nothing.");
        Check(nameof(options.Adapter), options.Adapter);
        Check(nameof(options.Tokenizer), options.Tokenizer);
        Check(nameof(options.ModelId), options.ModelId);
        if (!Backend.TryParse(options.Device, out _)) wrong.Add($"Device must be auto, cpu, cuda or cuda:N, got \"{options.Device}\".");
        if (!Enum.IsDefined(options.Quantization)) wrong.Add($"Quantization must be None or Nf4, got {options.Quantization}.");
        if (options.ActivationDType is { } type and not (DType.BFloat16 or DType.Float16))
            wrong.Add($"ActivationDType must be BFloat16, Float16 or null, got {type}.");
        if (options.MaxConcurrentAnswers < 0) wrong.Add($"MaxConcurrentAnswers must be at least 0, got {options.MaxConcurrentAnswers}.");
        if (options.MaxWaitingAnswers < 1) wrong.Add($"MaxWaitingAnswers must be at least 1, got {options.MaxWaitingAnswers}.");
        return wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(wrong.Select(text => Named(name, text)));

        void Check(string property, string? value)
        {
            if (value is not null && string.IsNullOrWhiteSpace(value)) wrong.Add($"{property} must have a value or be null, got nothing.");
        }
    }

    private static string Named(string? name, string text) =>
        $"{nameof(LapidaryChatClientOptions)}{(string.IsNullOrEmpty(name) ? "" : $" \"{name}\"")}: {text}";
}
