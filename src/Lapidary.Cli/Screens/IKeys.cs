namespace Lapidary.Cli.Screens;

/// <summary>The keys that somebody presses.</summary>
internal interface IKeys
{
    /// <summary>Whether <see cref="Read"/> would not wait.</summary>
    bool IsAvailable { get; }

    /// <summary>Waits for the next key, which is not shown.</summary>
    ConsoleKeyInfo Read();
}

/// <summary>The keys of the process's terminal.</summary>
internal sealed class ConsoleKeys : IKeys
{
    public bool IsAvailable => Console.KeyAvailable;

    public ConsoleKeyInfo Read() => Console.ReadKey(intercept: true);
}
