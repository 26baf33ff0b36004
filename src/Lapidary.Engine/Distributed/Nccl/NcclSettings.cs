using Lapidary.Formats.Files;

namespace Lapidary.Engine.Distributed.Nccl;

/// <summary>NCCL's variables. The user's settings are kept; others are set so that the same ranks get the same bits in every run.</summary>
/// <param name="environment">Value of an environment variable.</param>
/// <param name="root">The folder taken for /.</param>
internal sealed class NcclSettings(Func<string, string?> environment, string root)
{
    /// <summary>The variable for the algorithms that NCCL may use.</summary>
    public const string Algorithm = "NCCL_ALGO";

    /// <summary>Up to this number of hosts, a ring's latency of 2 (ranks − 1) hops is small.</summary>
    private const int MostHostsOfARing = 8;

    private static readonly Lock Once = new();
    private static bool _applied;

    /// <summary>The settings of this process.</summary>
    public static NcclSettings Machine { get; } = new(Environment.GetEnvironmentVariable, "/");

    /// <summary>The user's value of a variable, from the environment or NCCL's files; null if it is not set.</summary>
    public string? UsersValue(string name) => environment(name) is { } value
        ? value
        : Files().Select(file => ValueIn(file, name)).FirstOrDefault(found => found is not null);

    /// <summary>The variables to set: those that the user has not set.</summary>
    /// <param name="hosts">Number of hosts of the run.</param>
    /// <remarks>A ring adds in an order that depends only on the layout. NVLS, in which the switch adds, gives different bits from call to
    /// call; a tuner plugin may choose by measurements. Both values name algorithms that every version has for every exchange: since 2.24,
    /// a list without one for an exchange is an error.</remarks>
    public IReadOnlyList<(string Name, string Value)> Additions(int hosts) =>
        [.. new[] { (Algorithm, hosts > MostHostsOfARing ? "^NVLS,NVLSTree" : "Ring"), ("NCCL_TUNER_PLUGIN", "none") }
            .Where(setting => UsersValue(setting.Item1) is null)];

    /// <summary>Sets them. Before NCCL's first call: it reads them once.</summary>
    public void Apply(int hosts)
    {
        lock (Once)
        {
            if (_applied) return;
            foreach (var (name, value) in Additions(hosts)) NativeEnvironment.SetDefault(name, value);
            _applied = true;
        }
    }

    /// <summary>NCCL's files, in order of precedence.</summary>
    private IEnumerable<string> Files()
    {
        if (environment("NCCL_CONF_FILE") is { Length: > 0 } file) yield return file;
        else if (environment("HOME") is { Length: > 0 } home) yield return Path.Combine(home, ".nccl.conf");
        yield return Path.Combine(root, "etc", "nccl.conf");
    }

    private static string? ValueIn(string file, string name)
    {
        try
        {
            return File.Exists(file)
                ? File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..]
                : null;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return null; // NCCL passes over it too
        }
    }
}
