namespace Lapidary.Cli.Doctor;

/// <summary>Kinds of systems, by their way of installing packages.</summary>
internal enum SystemKind
{
    /// <summary>Debian and its derivatives.</summary>
    Debian,

    /// <summary>Ubuntu and its derivatives.</summary>
    Ubuntu,

    /// <summary>Fedora, RHEL and their derivatives.</summary>
    Fedora,

    /// <summary>openSUSE and SLES.</summary>
    Suse,

    /// <summary>Arch Linux and its derivatives.</summary>
    Arch,

    /// <summary>Another Linux.</summary>
    Linux,

    /// <summary>Windows.</summary>
    Windows,

    /// <summary>macOS.</summary>
    MacOs,
}

/// <summary>The system for doctor's advice.</summary>
/// <param name="Kind">The kind of system.</param>
/// <param name="IsWsl">Whether it is Linux inside Windows, which has the driver.</param>
/// <param name="IsContainer">Whether it is a container, whose host has the driver.</param>
internal sealed record Platform(SystemKind Kind, bool IsWsl = false, bool IsContainer = false)
{
    private const string Release = "/etc/os-release", Kernel = "/proc/sys/kernel/osrelease";

    private static readonly string[] ContainerMarks = ["/.dockerenv", "/run/.containerenv"];

    /// <summary>The platform of this machine.</summary>
    public static Platform OfThisMachine()
    {
        if (OperatingSystem.IsWindows()) return new(SystemKind.Windows);
        if (OperatingSystem.IsMacOS()) return new(SystemKind.MacOs);
        bool isWsl = File.Exists(Kernel) && File.ReadAllText(Kernel).Contains("microsoft", StringComparison.OrdinalIgnoreCase);
        bool isContainer = ContainerMarks.Any(File.Exists) || Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_HOST") is not null;
        return new(OfRelease(File.Exists(Release) ? File.ReadAllText(Release) : ""), isWsl, isContainer);
    }

    /// <summary>The kind in a text of /etc/os-release: from ID, else from ID_LIKE.</summary>
    public static SystemKind OfRelease(string text)
    {
        string ValueOf(string key) => text.Split('\n').Select(line => line.Split('=', 2))
            .Where(pair => pair.Length == 2 && pair[0].Trim() == key).Select(pair => pair[1].Trim().Trim('"', '\'')).FirstOrDefault("");
        string[] ids = [ValueOf("ID"), .. ValueOf("ID_LIKE").Split(' ')];
        foreach (string id in ids)
        {
            SystemKind? kind = id switch
            {
                "ubuntu" => SystemKind.Ubuntu,
                "debian" => SystemKind.Debian,
                "fedora" or "rhel" or "centos" => SystemKind.Fedora,
                "suse" or "opensuse" or "sles" => SystemKind.Suse,
                "arch" => SystemKind.Arch,
                _ => null,
            };
            if (kind is { } known) return known;
        }

        return SystemKind.Linux;
    }
}
