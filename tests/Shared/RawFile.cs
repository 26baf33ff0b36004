using System.Buffers.Binary;
using System.Text;

namespace Lapidary.Tests;

/// <summary>Safetensors bytes put together by hand, so that tests can lie in them.</summary>
internal static class RawFile
{
    public static byte[] Safetensors(string header, int dataLength, long? claimedHeaderLength = null)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] file = new byte[8 + json.Length + dataLength];
        BinaryPrimitives.WriteInt64LittleEndian(file, claimedHeaderLength ?? json.Length);
        json.CopyTo(file, 8);
        for (int i = 0; i < dataLength; i++) file[8 + json.Length + i] = (byte)(i * 7 + 1);
        return file;
    }

    public static string Write(byte[] bytes, string name = "model.safetensors")
    {
        string path = Path.Combine(Fixtures.TemporaryFolder(), name);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
