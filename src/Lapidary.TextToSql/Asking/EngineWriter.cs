using System.Text;
using Lapidary.Gemma;
using Lapidary.Gemma.Generation;
using Lapidary.Gemma.Generation.Forms;
using Lapidary.TextToSql.Names;

namespace Lapidary.TextToSql.Asking;

/// <summary>A loaded model as a writer of SQL.</summary>
/// <param name="engine">Generates the answers, of any number of callers.</param>
/// <param name="tokenizer">Of the model.</param>
/// <param name="template">Its chat template.</param>
/// <param name="maxLength">Most tokens of a conversation with its answer; 0 for the model's context.</param>
internal sealed class EngineWriter(GenerationEngine engine, Tokenizer tokenizer, ChatTemplate template, int maxLength) : ISqlWriter
{
    /// <inheritdoc/>
    public int Context { get; } = maxLength > 0
        ? Math.Min(maxLength, engine.Model.Config.MaxPositionEmbeddings) : engine.Model.Config.MaxPositionEmbeddings;

    /// <inheritdoc/>
    public int Count(IReadOnlyList<ChatTurn> turns) => Encode(turns).Length;

    /// <inheritdoc/>
    public async Task<WrittenText> WriteAsync(
        IReadOnlyList<ChatTurn> turns, SqlForm? form, int maxNewTokens, Action<string> onText, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        var answer = new AnswerText(tokenizer, stops: []);
        var options = SqlEvaluation.GreedyOptions(engine.Model, tokenizer, maxNewTokens);
        if (form is not null) options = options with { Form = new TokenForm(form, tokenizer) };
        var made = await engine.GenerateAsync(Encode(turns), options, id => Add(answer.Append(id)), cancellationToken)
            .ConfigureAwait(false);
        Add(answer.Finish());
        return new WrittenText(text.ToString(), made.FinishReason == FinishReason.Length);

        bool Add(string piece)
        {
            text.Append(piece);
            if (piece.Length > 0) onText(piece);
            return true;
        }
    }

    private int[] Encode(IReadOnlyList<ChatTurn> turns) => template.Encode(tokenizer, turns, addGenerationPrompt: true);
}
