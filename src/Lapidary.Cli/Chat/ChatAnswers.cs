using System.Text;
using Lapidary.Gemma;
using Lapidary.Gemma.Generation;
using Lapidary.Gemma.Generation.Batching;

namespace Lapidary.Cli.Chat;

/// <summary>Why an answer ended.</summary>
internal enum AnswerEnd
{
    /// <summary>The model ended it.</summary>
    Stop,

    /// <summary>It reached the largest number of tokens of an answer.</summary>
    Length,

    /// <summary>It reached the end of the model's context.</summary>
    Context,

    /// <summary>The user stopped it.</summary>
    Interrupted,
}

/// <summary>An answer.</summary>
/// <param name="Text">The model's text.</param>
/// <param name="Tokens">Number of tokens.</param>
/// <param name="End">Why it ended.</param>
internal sealed record ChatAnswer(string Text, int Tokens, AnswerEnd End);

/// <summary>Answers of a loaded model.</summary>
/// <param name="model">The model.</param>
/// <param name="tokenizer">Its tokenizer.</param>
/// <param name="options">Sampling and length.</param>
/// <param name="stops">Texts that end an answer.</param>
internal sealed class ChatAnswers(GemmaModel model, Tokenizer tokenizer, GenerationOptions options, IReadOnlyList<string> stops)
    : IDisposable
{
    /// <summary>Tokens that the first cache has room for. A conversation grows, and each time the cache is too small it is created
    /// again.</summary>
    private const int Reserved = 2048;

    private readonly TextGenerator _generator = new(model) { ReservedLength = Math.Min(Reserved, model.Config.MaxPositionEmbeddings) };

    /// <summary>Largest number of tokens of a conversation.</summary>
    public int Context { get; } = model.Config.MaxPositionEmbeddings;

    /// <summary>Largest number of tokens of an answer.</summary>
    public int MaxNewTokens => options.MaxNewTokens;

    /// <summary>Generates an answer.</summary>
    /// <param name="prompt">The conversation's tokens, fewer than <see cref="Context"/>.</param>
    /// <param name="show">Receives each piece of text as soon as it is known.</param>
    /// <param name="stop">Ends the answer after the current token.</param>
    public ChatAnswer Answer(int[] prompt, Action<string> show, CancellationToken stop)
    {
        int room = ContextRoom.After(model.Config, prompt.Length), most = Math.Min(options.MaxNewTokens, room), tokens = 0;
        var text = new StringBuilder();
        var answer = new AnswerText(tokenizer, stops);
        foreach (int id in _generator.Generate(prompt, options with { MaxNewTokens = most }, stop))
        {
            tokens++;
            Add(answer.Append(id));
            if (answer.IsStopped) break;
        }

        Add(answer.Finish());
        var end = stop.IsCancellationRequested ? AnswerEnd.Interrupted
            : answer.IsStopped || tokens < most ? AnswerEnd.Stop
            : most == room ? AnswerEnd.Context
            : AnswerEnd.Length;
        return new ChatAnswer(text.ToString(), tokens, end);

        void Add(string piece)
        {
            if (piece.Length == 0) return;
            text.Append(piece);
            show(piece);
        }
    }

    public void Dispose() => _generator.Dispose();
}
