using System.Diagnostics;
using System.Globalization;
using System.Text;
using Lapidary.Engine.Recording;

namespace Lapidary.Engine;

/// <summary>A step recorded once and replayed: the list of calls on <see cref="IOps"/>, forward and backward, with the buffers between
/// them. Values that change from step to step (ids, labels, seeds, rates) are data in tensors outside the program.</summary>
/// <remarks><see cref="LifetimeRecorder"/> sees each call when it is recorded and yields the first and last use of every buffer. From
/// these, <see cref="ArenaPlanner"/> lays out one arena. So the memory of a step is known to the byte before anything is
/// computed.</remarks>
public sealed class StepProgram : IDisposable
{
    private readonly List<(string Op, Action<IOps> Call)> _calls = [];
    private readonly LifetimeRecorder _recorder = new();
    private ArenaPlanner.Layout? _layout;
    private Arena? _owned;
    private bool _complete;
    private readonly List<Section> _sections = [new Section(First: 0)];

    /// <summary>Starts an empty program for backends of the types of the given one.</summary>
    public StepProgram(IBackend backend)
    {
        ArgumentNullException.ThrowIfNull(backend);
        (ActivationDType, ResidualDType) = (backend.ActivationDType, backend.ResidualDType);
    }

    /// <summary>Type of activations.</summary>
    public DType ActivationDType { get; }

    /// <summary>Type of the residual stream.</summary>
    public DType ResidualDType { get; }

    /// <summary>The operations in order, by their names in <see cref="IOps"/>.</summary>
    public IEnumerable<string> Operations => _calls.Select(call => call.Op);

    /// <summary>Bytes of the arena: the memory of the step besides parameters, inputs and the backend's scratch.</summary>
    public long ArenaBytes => Layout.LengthBytes;

    private ArenaPlanner.Layout Layout => _layout ??= ArenaPlanner.Plan(_recorder.Lifetimes);

    /// <summary>A buffer of the step, placed in the arena when the program is complete.</summary>
    public Tensor New(DType dtype, params ReadOnlySpan<long> shape)
    {
        var tensor = new Tensor(dtype, shape);
        _recorder.Track(tensor);
        return tensor;
    }

    /// <summary>Appends a call.</summary>
    /// <param name="call">Calls one operation, the same one every time.</param>
    public void Add(Action<IOps> call)
    {
        if (_complete) throw new InvalidOperationException("The program is complete.");
        _layout = null;
        _recorder.Next();
        call(_recorder);
        _calls.Add((_recorder.Op ?? throw new ArgumentException("The call calls no operation.", nameof(call)), call));
    }

    /// <summary>Ends a section: what is recorded from here on can run later than what was recorded before, with other work in between.
    /// Buffers live through all sections.</summary>
    public void Cut()
    {
        if (_complete) throw new InvalidOperationException("The program is complete.");
        if (_sections[^1].First == _calls.Count) throw new InvalidOperationException("The section has no calls.");
        _sections.Add(new Section(_calls.Count));
    }

    /// <summary>Keeps a buffer's memory to the end of the program, for results that are read after it ran.</summary>
    public void Keep(Tensor tensor)
    {
        _layout = null;
        _recorder.Keep(tensor);
    }

    /// <summary>Lays the buffers out in a new arena of this program.</summary>
    public void Complete(Allocator allocator)
    {
        _owned = new Arena(allocator, ArenaBytes);
        Complete(_owned);
    }

    /// <summary>Lays the buffers out in a shared arena. Programs that share one must not run at the same time.</summary>
    /// <exception cref="ArgumentException">The arena is smaller than <see cref="ArenaBytes"/>.</exception>
    public void Complete(Arena arena)
    {
        if (_complete) throw new InvalidOperationException("The program is complete.");
        if (ArenaBytes > arena.LengthBytes) throw new ArgumentException("The arena is too small.", nameof(arena));
        foreach (var (tensor, offset) in Layout.Offsets) tensor.Place(arena.Address + (nint)offset);
        _complete = true;
    }

    /// <summary>Runs every call in order: one by one the first time; from the second time on each section as one captured unit, if the
    /// backend can capture. Allocates nothing in the steady state.</summary>
    public void Run(IBackend backend)
    {
        for (int i = 0; i < _sections.Count; i++) RunSection(backend, i);
    }

    /// <summary>Runs the calls of one section. All sections run in their order, as often as each other.</summary>
    /// <param name="backend">The backend.</param>
    /// <param name="section">0 for what was recorded before the first <see cref="Cut"/>.</param>
    public void RunSection(IBackend backend, int section)
    {
        if (!_complete) throw new InvalidOperationException("Complete the program before it runs.");
        var part = _sections[section];
        if (part.Replay is { IsStale: true })
        {
            part.Replay.Dispose();
            part.Replay = null;
            part.Runs = 0;
        }

        if (part.Replay is null && part.Runs++ == 1) part.Replay = Capture(backend, section);
        if (part.Replay is null) RunCalls(backend, section);
        else part.Replay.Run();
    }

    /// <summary>A separate method, so that <see cref="RunSection"/> allocates no closure.</summary>
    private IReplay? Capture(IBackend backend, int section) => backend.Capture(() => RunCalls(backend, section));

    private void RunCalls(IBackend backend, int section)
    {
        int end = section + 1 < _sections.Count ? _sections[section + 1].First : _calls.Count;
        for (int i = _sections[section].First; i < end; i++) _calls[i].Call(backend);
    }

    /// <summary>Runs the calls one by one and waits for each, to show where a step's time goes. If <see cref="Run"/> overlaps or captures
    /// calls, it takes less than their sum.</summary>
    /// <param name="backend">The backend, as for <see cref="Run"/>.</param>
    /// <returns>For each operation its name in <see cref="IOps"/>, the number of calls and their total time; longest first.</returns>
    public IReadOnlyList<(string Op, int Calls, TimeSpan Time)> TimeByOp(IBackend backend)
    {
        if (!_complete) throw new InvalidOperationException("Complete the program before it runs.");
        var times = new Dictionary<string, (int Calls, TimeSpan Time)>();
        backend.Synchronize();
        foreach (var (op, call) in _calls)
        {
            long start = Stopwatch.GetTimestamp();
            call(backend);
            backend.Synchronize();
            var (calls, time) = times.GetValueOrDefault(op);
            times[op] = (calls + 1, time + Stopwatch.GetElapsedTime(start));
        }

        return [.. times.Select(pair => (pair.Key, pair.Value.Calls, pair.Value.Time)).OrderByDescending(entry => entry.Time)];
    }

    /// <summary>Runs the calls one by one and looks at what each writes, to find the first value that is no finite number.</summary>
    /// <param name="backend">The backend, as for <see cref="Run"/>. Gradients of parameters are added to.</param>
    /// <returns>The tensor and how many of its values, for an error; null if all values are finite.</returns>
    public string? FindNonFinite(IBackend backend)
    {
        if (!_complete) throw new InvalidOperationException("Complete the program before it runs.");
        var check = new FiniteCheck(backend);
        foreach (var (_, call) in _calls)
        {
            call(check);
            if (check.Found is not null) return check.Found;
        }

        return null;
    }

    /// <summary>The calls, one a line, equal neighbours as one: "12 × ProjectForward".</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        for (int first = 0, next; first < _calls.Count; first = next)
        {
            for (next = first + 1; next < _calls.Count && _calls[next].Op == _calls[first].Op;) next++;
            text.Append(CultureInfo.InvariantCulture, $"{next - first} × {_calls[first].Op}\n");
        }

        return text.ToString();
    }

    /// <summary>Frees the captured calls and the program's arena.</summary>
    public void Dispose()
    {
        foreach (var section in _sections) section.Replay?.Dispose();
        _owned?.Dispose();
    }

    /// <summary>Calls that run together.</summary>
    private sealed record Section(int First)
    {
        public IReplay? Replay { get; set; }

        public int Runs { get; set; }
    }
}
