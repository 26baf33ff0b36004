using System.Text;
using Lapidary.Tests;

namespace Lapidary.Training.Tests.Data;

/// <summary>A file of a test, deleted with its folder.</summary>
internal sealed class TemporaryFile : IDisposable
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    public TemporaryFile(string name, byte[] content)
    {
        Name = Path.Combine(_folder, name);
        File.WriteAllBytes(Name, content);
    }

    public TemporaryFile(string name, string content) : this(name, Encoding.UTF8.GetBytes(content))
    {
    }

    public string Name { get; }

    public string Folder => _folder;

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
