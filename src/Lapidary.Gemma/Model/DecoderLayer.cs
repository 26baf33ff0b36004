using Lapidary.Engine;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Model;

/// <summary>One decoder layer of Gemma 3, names as in transformers' Gemma3DecoderLayer.</summary>
internal sealed class DecoderLayer
{
    public required LinearLayer QProj { get; init; }

    public required LinearLayer KProj { get; init; }

    public required LinearLayer VProj { get; init; }

    public required LinearLayer OProj { get; init; }

    public required LinearLayer GateProj { get; init; }

    public required LinearLayer UpProj { get; init; }

    public required LinearLayer DownProj { get; init; }

    public required NormLayer QNorm { get; init; }

    public required NormLayer KNorm { get; init; }

    public required NormLayer InputLayernorm { get; init; }

    public required NormLayer PostAttentionLayernorm { get; init; }

    public required NormLayer PreFeedforwardLayernorm { get; init; }

    public required NormLayer PostFeedforwardLayernorm { get; init; }

    public required AttentionShape Attention { get; init; }

    public required float RmsNormEps { get; init; }

    public IEnumerable<LinearLayer> LinearLayers => [QProj, KProj, VProj, OProj, GateProj, UpProj, DownProj];

    public IEnumerable<NormLayer> Norms =>
        [QNorm, KNorm, InputLayernorm, PostAttentionLayernorm, PreFeedforwardLayernorm, PostFeedforwardLayernorm];

    /// <summary>Builds a layer.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="index">Index of the layer, from 0.</param>
    /// <param name="linear">Provides a projection.</param>
    /// <param name="norm">Provides a norm.</param>
    public static DecoderLayer Create(
        GemmaConfig config, int index, Func<GemmaTensor, LinearLayer> linear, Func<GemmaTensor, NormLayer> norm)
    {
        var tensors = new LayerTensors(config, index);
        bool sliding = config.LayerTypes[index] == LayerType.Sliding;
        return new DecoderLayer
        {
            QProj = linear(tensors.QProj),
            KProj = linear(tensors.KProj),
            VProj = linear(tensors.VProj),
            OProj = linear(tensors.OProj),
            GateProj = linear(tensors.GateProj),
            UpProj = linear(tensors.UpProj),
            DownProj = linear(tensors.DownProj),
            QNorm = norm(tensors.QNorm),
            KNorm = norm(tensors.KNorm),
            InputLayernorm = norm(tensors.InputLayernorm),
            PostAttentionLayernorm = norm(tensors.PostAttentionLayernorm),
            PreFeedforwardLayernorm = norm(tensors.PreFeedforwardLayernorm),
            PostFeedforwardLayernorm = norm(tensors.PostFeedforwardLayernorm),
            Attention = new AttentionShape(
                config.NumAttentionHeads, config.NumKeyValueHeads, config.HeadDim, sliding ? config.SlidingWindow : int.MaxValue,
                (float)Math.Pow(config.QueryPreAttnScalar, -0.5)),
            RmsNormEps = (float)config.RmsNormEps,
        };
    }

    /// <summary>A layer with the same weights and places for other trained ones.</summary>
    public DecoderLayer Share() => new()
    {
        QProj = QProj.Share(),
        KProj = KProj.Share(),
        VProj = VProj.Share(),
        OProj = OProj.Share(),
        GateProj = GateProj.Share(),
        UpProj = UpProj.Share(),
        DownProj = DownProj.Share(),
        QNorm = QNorm.Share(),
        KNorm = KNorm.Share(),
        InputLayernorm = InputLayernorm.Share(),
        PostAttentionLayernorm = PostAttentionLayernorm.Share(),
        PreFeedforwardLayernorm = PreFeedforwardLayernorm.Share(),
        PostFeedforwardLayernorm = PostFeedforwardLayernorm.Share(),
        Attention = Attention,
        RmsNormEps = RmsNormEps,
    };

    /// <summary>h [tokens, hidden] → [tokens, hidden], over whole documents.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="h">Hidden states.</param>
    /// <param name="rope">The rotary table of this layer's kind.</param>
    /// <param name="documentStarts">As in <see cref="StepInputs"/>.</param>
    public Tensor Forward(Tape tape, Tensor h, RotaryTable rope, Tensor documentStarts)
    {
        var x = InputLayernorm.Forward(tape, h, RmsNormEps);
        Tensor[] qkv = LinearLayer.Forward(tape, x, adapters: null, QProj, KProj, VProj);
        var q = QNorm.ForwardRope(tape, qkv[0], rope, RmsNormEps);
        var k = KNorm.ForwardRope(tape, qkv[1], rope, RmsNormEps);
        var o = Ops.Attention(tape, q, k, qkv[2], documentStarts, Attention);
        (h, var down) = AfterAttention(tape, h, o, adapters: null);
        return PostFeedforwardLayernorm.Forward(tape, down, RmsNormEps, residual: h);
    }

    /// <summary>The same over tokens that continue texts of a cache, with the norm that follows. For inference only.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="h">Hidden states.</param>
    /// <param name="x">Their <see cref="InputLayernorm"/>.</param>
    /// <param name="rope">The rotary table of this layer's kind.</param>
    /// <param name="inputs">Positions, slots and adapters of the tokens.</param>
    /// <param name="cache">The cache of this layer.</param>
    /// <param name="nextNorm">The input norm of the next layer, or the final norm.</param>
    /// <param name="product">The weight of the next product with that norm, if it is known.</param>
    /// <returns>Hidden states, and their <paramref name="nextNorm"/>.</returns>
    public (Tensor H, Tensor X) Continue(
        Tape tape, Tensor h, Tensor x, RotaryTable rope, CachedInputs inputs, KvCache.Layer cache, NormLayer nextNorm,
        Tensor? product)
    {
        Tensor[] qkv = LinearLayer.Forward(tape, x, inputs.Adapters, QProj, KProj, VProj);
        var (_, _, positions, slots) = inputs;
        var (keys, values) = cache;
        var norms = new QkNorms(QNorm.Weight, KNorm.Weight, RmsNormEps);
        var o = Ops.QkvAttention(tape, qkv[0], qkv[1], qkv[2], norms, rope, slots, positions, keys, values, Attention, OProj.Weight);
        (h, var down) = AfterAttention(tape, h, o, inputs.Adapters);
        return PostFeedforwardLayernorm.ForwardPair(tape, down, h, nextNorm, RmsNormEps, product);
    }

    /// <summary>Hidden states after attention, and what the feed-forward block yields of them before its last norm.</summary>
    private (Tensor H, Tensor Down) AfterAttention(Tape tape, Tensor h, Tensor o, StepAdapters? adapters)
    {
        o = OProj.Forward(tape, o, adapters);
        (h, var x) = PostAttentionLayernorm.ForwardPair(tape, o, h, PreFeedforwardLayernorm, RmsNormEps, GateProj.Weight);
        return (h, DownProj.Forward(tape, LinearLayer.ForwardGated(tape, x, adapters, GateProj, UpProj, DownProj), adapters));
    }
}
