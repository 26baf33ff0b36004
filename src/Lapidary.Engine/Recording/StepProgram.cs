using Lapidary.Engine.Recording;

namespace Lapidary.Engine;

/// <summary>A step recorded once and replayed: the list of backend calls, forward and backward, with the buffers between them. What changes
/// from step to step (ids, labels, seeds, rates) is data in tensors that live outside the program.</summary>
/// <remarks>Each call is shown to <see cref="PlanBackend"/> as it is recorded, which yields every buffer's first and last use; from these
/// <see cref="ArenaPlanner"/> lays out one arena. So the memory of a step is known, to the byte, before anything is computed.</remarks>
public sealed class StepProgram : IDisposable
{
    private readonly List<Action<IBackend>> _calls = [];
    private readonly PlanBackend _plan;
    private ArenaPlanner.Layout? _layout;
    private Arena? _owned;
    private bool _complete;
    private IReplay? _replay;
    private int _runs;

    /// <summary>Starts an empty program for backends whose activations have the given type.</summary>
    public StepProgram(DType activationDType) => _plan = new PlanBackend(activationDType);

    /// <summary>Type of activations.</summary>
    public DType ActivationDType => _plan.ActivationDType;

    /// <summary>Bytes of the arena: what the step needs besides parameters, inputs and the backend's scratch.</summary>
    public long ArenaBytes => Layout.LengthBytes;

    private ArenaPlanner.Layout Layout => _layout ??= ArenaPlanner.Plan(_plan.Lifetimes);

    /// <summary>A buffer of the step, placed in the arena when the program is complete.</summary>
    public Tensor New(DType dtype, params ReadOnlySpan<long> shape)
    {
        var tensor = new Tensor(dtype, shape);
        _plan.Track(tensor);
        return tensor;
    }

    /// <summary>Appends a call. <paramref name="call"/> must make the same backend calls every time it runs.</summary>
    public void Add(Action<IBackend> call)
    {
        if (_complete) throw new InvalidOperationException("The program is complete.");
        _layout = null;
        _plan.Step = _calls.Count;
        call(_plan);
        _calls.Add(call);
    }

    /// <summary>Keeps a buffer's memory to the end of the program, for results that are read after it ran.</summary>
    public void Keep(Tensor tensor)
    {
        _layout = null;
        _plan.Keep(tensor);
    }

    /// <summary>Lays the buffers out in an arena of the program's own.</summary>
    public void Complete(Allocator allocator)
    {
        _owned = new Arena(allocator, ArenaBytes);
        Complete(_owned);
    }

    /// <summary>Lays the buffers out in an arena that programs which never run at the same time share.</summary>
    /// <exception cref="ArgumentException">The arena is smaller than <see cref="ArenaBytes"/>.</exception>
    public void Complete(Arena arena)
    {
        if (_complete) throw new InvalidOperationException("The program is complete.");
        if (ArenaBytes > arena.LengthBytes) throw new ArgumentException("The arena is too small.", nameof(arena));
        foreach (var (tensor, offset) in Layout.Offsets) tensor.Place(arena.Address + (nint)offset);
        _complete = true;
    }

    /// <summary>Runs every call in order: one by one the first time, from the second time on as the backend's captured whole where it has
    /// such a thing. Allocates nothing in the steady state.</summary>
    public void Run(IBackend backend)
    {
        if (!_complete) throw new InvalidOperationException("Complete the program before it runs.");
        if (_replay is { IsStale: true })
        {
            _replay.Dispose();
            _replay = null;
            _runs = 0;
        }

        if (_replay is null && _runs++ == 1) _replay = Capture(backend);
        if (_replay is null) RunCalls(backend);
        else _replay.Run();
    }

    /// <summary>A method of its own, so that <see cref="Run"/> makes no closure.</summary>
    private IReplay? Capture(IBackend backend) => backend.Capture(() => RunCalls(backend));

    private void RunCalls(IBackend backend)
    {
        foreach (var call in _calls) call(backend);
    }

    /// <summary>Frees what was captured and the program's own arena.</summary>
    public void Dispose()
    {
        _replay?.Dispose();
        _owned?.Dispose();
    }
}
