using Lapidary.Engine;
using Lapidary.Gemma.Model;

namespace Lapidary.Gemma.Generation.Batching;

/// <summary>A recorded step over some rows, and its inputs.</summary>
internal sealed class RecordedStep : IDisposable
{
    private readonly MemoryRegion _region;
    private readonly Tensor _inputs;
    private readonly int[] _values;
    private TokenDraw[] _draws = [];
    private Tensor? _drawn;

    /// <summary>Creates an empty step.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="hasAdapters">Whether each row has an adapter of its own, or none.</param>
    public RecordedStep(IBackend backend, int rows, bool hasAdapters = false)
    {
        Rows = rows;
        Program = new StepProgram(backend);
        int kinds = hasAdapters ? 4 : 3;
        _values = new int[kinds * rows];
        _region = new MemoryRegion(backend.Memory, MemoryOwner.Inputs);
        _inputs = _region.New("step_inputs", DType.Int32, kinds, rows);
        Next = _region.New("next_ids", DType.Int32, rows);
        if (hasAdapters) Adapters = Row(3);
    }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>The recorded calls.</summary>
    public StepProgram Program { get; }

    /// <summary>Edits the logits and chooses the likeliest ids again, which only steps with edits run; null as the next.</summary>
    public StepProgram? Editing { get; private set; }

    /// <summary>Replaces the likeliest ids by drawn ones. A program of its own, which only steps with draws run; null for steps over
    /// prompts.</summary>
    public StepProgram? Drawing { get; private set; }

    /// <summary>Int32 [rows].</summary>
    public Tensor Next { get; }

    /// <summary>Int32 [rows]: <see cref="StepToken.Adapter"/> of each row; null without adapters of rows.</summary>
    public Tensor? Adapters { get; }

    /// <summary>fp32 [rows, vocabulary].</summary>
    public Tensor? Logits { get; private set; }

    /// <summary>Slots, positions and ids lie in one tensor, so that a step needs one copy.</summary>
    public CachedInputs InputsOf(KvCache cache, StepAdapters? adapters = null) =>
        new(cache, Ids: Row(2), Positions: Row(1), Slots: Row(0)) { Adapters = adapters };

    /// <summary>Adds the choice of the next ids.</summary>
    public void Choose(IBackend backend, Tape tape, Tensor logits, Tensor edits)
    {
        Logits = logits;
        tape.Run(ops => ops.ArgMax(logits, Next));
        Program.Keep(logits);
        _draws = new TokenDraw[Rows];
        var drawn = _drawn = _region.New("draws", DType.UInt8, Rows, TokenDraw.LengthBytes);
        Editing = new StepProgram(backend);
        Editing.Add(ops => ops.EditLogits(logits, edits));
        Editing.Add(ops => ops.ArgMax(logits, Next));
        Drawing = new StepProgram(backend);
        Drawing.Add(ops => ops.Draw(logits, drawn, Next));
    }

    /// <summary>Lays the buffers out in an arena, or in memory of the step's own if it needs more.</summary>
    public void Complete(IBackend backend, Arena arena)
    {
        if (Program.ArenaBytes <= arena.LengthBytes) Program.Complete(arena);
        else Program.Complete(backend.Memory);
        Editing?.Complete(arena); // they have no buffers
        Drawing?.Complete(arena);
    }

    /// <summary>Runs the step on tokens; rows beyond them have none.</summary>
    public void Run(IBackend backend, ReadOnlySpan<StepToken> tokens)
    {
        for (int i = 0; i < Rows; i++)
        {
            var token = i < tokens.Length ? tokens[i] : StepToken.None;
            (_values[i], _values[Rows + i], _values[2 * Rows + i]) = (token.Slot, token.Position, token.Id);
            if (Adapters is not null) _values[3 * Rows + i] = token.Adapter;
        }

        backend.Write<int>(_values, _inputs);
        Program.Run(backend);
    }

    /// <summary>Draws the next tokens of those rows that are drawn.</summary>
    public void Draw(IBackend backend, ReadOnlySpan<TokenDraw> draws)
    {
        bool any = false;
        for (int i = 0; i < Rows; i++)
        {
            _draws[i] = i < draws.Length ? draws[i] : TokenDraw.None;
            any |= _draws[i].Draws;
        }

        if (!any) return;
        backend.Write<TokenDraw>(_draws, _drawn!);
        Drawing!.Run(backend);
    }

    /// <summary>Runs all programs on no text, so that each operation requests its scratch.</summary>
    public void RunOnce(IBackend backend)
    {
        Program.Run(backend);
        Editing?.Run(backend);
        Drawing?.Run(backend);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Editing?.Dispose();
        Drawing?.Dispose();
        Program.Dispose();
        _region.Dispose();
    }

    private Tensor Row(int row) => _inputs.Rows(row, 1);
}
