using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Hub;

namespace Lapidary.Training;

/// <summary>The tokenizer and chat template of a model.</summary>
public sealed class GemmaTextEncoder : ITextEncoder
{
    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplate _template;

    /// <summary>Combines a tokenizer and a chat template.</summary>
    /// <exception cref="LapidaryException">The tokenizer does not name the tokens that begin and end a text.</exception>
    public GemmaTextEncoder(Tokenizer tokenizer, ChatTemplate template)
    {
        (_tokenizer, _template) = (tokenizer, template);
        BosTokenId = tokenizer.BosTokenId
            ?? throw new LapidaryException("Tokenizer: expected a bos_token, found none; add it to tokenizer_config.json.");
        EosToken = tokenizer.EosToken
            ?? throw new LapidaryException("Tokenizer: expected an eos_token, found none; add it to tokenizer_config.json.");
        EosTokenId = tokenizer.EosTokenId
            ?? throw new LapidaryException($"Tokenizer: expected an id for the eos_token {EosToken}, found none.");
        EndOfTurnTokenId = tokenizer.EndOfTurnTokenId;
    }

    /// <summary>Loads the tokenizer and the chat template of a model.</summary>
    /// <param name="folderOrId">A folder, or a Hub id such as "google/gemma-3-1b-it".</param>
    /// <param name="hub">The Hub client; null for one configured by the environment.</param>
    /// <exception cref="LapidaryException">A file is missing or damaged, or the Hub refused.</exception>
    public static GemmaTextEncoder Load(string folderOrId, HubClient? hub = null) =>
        new(Tokenizer.Load(folderOrId, hub), ChatTemplate.Load(folderOrId, hub));

    /// <inheritdoc/>
    public int BosTokenId { get; }

    /// <inheritdoc/>
    public bool AddsBos => _tokenizer.AddsBos;

    /// <inheritdoc/>
    public int EosTokenId { get; }

    /// <inheritdoc/>
    public string EosToken { get; }

    /// <inheritdoc/>
    public int? EndOfTurnTokenId { get; }

    /// <inheritdoc/>
    public int[] Encode(string text) => _tokenizer.Encode(text, addSpecialTokens: false);

    /// <inheritdoc/>
    public int[] EncodeChat(
        IReadOnlyList<ChatTurn> messages, bool addGenerationPrompt, IReadOnlyDictionary<string, object?>? variables = null) =>
        _template.Encode(_tokenizer, messages, addGenerationPrompt, variables);

    /// <inheritdoc/>
    public (int[] Ids, bool[] TrainedMask) EncodeChatWithMask(
        IReadOnlyList<ChatTurn> messages, bool assistantOnly, IReadOnlyDictionary<string, object?>? variables = null) =>
        _template.EncodeWithTrainedMask(_tokenizer, messages, assistantOnly, variables);

    /// <inheritdoc/>
    public bool Reads(string key) => _template.Reads(key);

    /// <inheritdoc/>
    public void Save(string folder) => TokenizerFolder.Save(_tokenizer, _template, folder);

    /// <inheritdoc/>
    public string Identity => $"{_tokenizer.Identity} {_template.Identity}";

    /// <inheritdoc/>
    public string TokenText(int id) => _tokenizer.Decode([id], skipSpecialTokens: false);
}
