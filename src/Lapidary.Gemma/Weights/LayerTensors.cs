namespace Lapidary.Gemma.Weights;

/// <summary>The tensors of one decoder layer, named as in transformers' Gemma3DecoderLayer.</summary>
internal sealed class LayerTensors(GemmaConfig config, int layer)
{
    private const string Q = "self_attn.q_proj", K = "self_attn.k_proj", V = "self_attn.v_proj", O = "self_attn.o_proj";
    private const string Gate = "mlp.gate_proj", Up = "mlp.up_proj", Down = "mlp.down_proj";

    private static readonly string[] Projections = [Q, K, V, O, Gate, Up, Down];

    /// <summary>The projections by their modules' last names, as PEFT lists them: "q_proj", …</summary>
    public static IReadOnlyList<string> ProjectionNames { get; } =
        [.. Projections.Select(module => module[(module.LastIndexOf('.') + 1)..])];

    public GemmaTensor QProj => Tensor(Q, Queries, config.HiddenSize);

    public GemmaTensor KProj => Tensor(K, Keys, config.HiddenSize);

    public GemmaTensor VProj => Tensor(V, Keys, config.HiddenSize);

    public GemmaTensor OProj => Tensor(O, config.HiddenSize, Queries);

    public GemmaTensor QNorm => Tensor("self_attn.q_norm", config.HeadDim);

    public GemmaTensor KNorm => Tensor("self_attn.k_norm", config.HeadDim);

    public GemmaTensor GateProj => Tensor(Gate, config.IntermediateSize, config.HiddenSize);

    public GemmaTensor UpProj => Tensor(Up, config.IntermediateSize, config.HiddenSize);

    public GemmaTensor DownProj => Tensor(Down, config.HiddenSize, config.IntermediateSize);

    public GemmaTensor InputLayernorm => Tensor("input_layernorm", config.HiddenSize);

    public GemmaTensor PostAttentionLayernorm => Tensor("post_attention_layernorm", config.HiddenSize);

    public GemmaTensor PreFeedforwardLayernorm => Tensor("pre_feedforward_layernorm", config.HiddenSize);

    public GemmaTensor PostFeedforwardLayernorm => Tensor("post_feedforward_layernorm", config.HiddenSize);

    /// <summary>All of them, in the model's order.</summary>
    public IEnumerable<GemmaTensor> All =>
    [
        QProj, KProj, VProj, OProj, QNorm, KNorm, GateProj, UpProj, DownProj,
        InputLayernorm, PostAttentionLayernorm, PreFeedforwardLayernorm, PostFeedforwardLayernorm,
    ];

    /// <summary>The projections, in order.</summary>
    public IEnumerable<GemmaTensor> Matrices => All.Where(tensor => tensor.Shape.Length == 2);

    /// <summary>The norms, in order.</summary>
    public IEnumerable<GemmaTensor> Norms => All.Where(tensor => tensor.Shape.Length == 1);

    private long Queries => (long)config.NumAttentionHeads * config.HeadDim;

    private long Keys => (long)config.NumKeyValueHeads * config.HeadDim;

    private GemmaTensor Tensor(string module, params ReadOnlySpan<long> shape) =>
        new($"{TensorNames.Layers}{layer}.{module}{TensorNames.WeightSuffix}", [.. shape]);
}
