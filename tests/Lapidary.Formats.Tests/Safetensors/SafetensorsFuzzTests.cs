using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Formats.Tests;

public class SafetensorsFuzzTests
{
    private const string Valid =
        "{\"__metadata__\":{\"format\":\"pt\"},\"a.weight\":{\"dtype\":\"BF16\",\"shape\":[3,5],\"data_offsets\":[0,30]},"
        + "\"b\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[30,31]},"
        + "\"c\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[31,47]}}";

    [Fact]
    public void Open_OnlyThrowsLapidaryExceptionOnMutatedFiles()
    {
        var random = new Random(20261123);
        byte[] valid = RawFile.Safetensors(Valid, 47);
        string path = Path.Combine(Fixtures.TemporaryFolder(), "fuzz.safetensors");
        int opened = 0, refused = 0;
        for (int i = 0; i < 3000; i++)
        {
            File.WriteAllBytes(path, Mutate(valid, random));
            try
            {
                using var file = SafetensorsFile.Open(path);
                ReadEverything(file);
                opened++;
            }
            catch (LapidaryException e)
            {
                Assert.DoesNotContain('\n', e.Message);
                refused++;
            }
        }

        Assert.True(opened > 100 && refused > 1000, $"{opened} opened, {refused} refused: the mutations are too weak or too strong.");
    }

    private static byte[] Mutate(byte[] valid, Random random)
    {
        byte[] bytes = [.. valid];
        for (int edits = random.Next(1, 4); edits > 0 && bytes.Length > 0; edits--)
        {
            // One edit in eight hits the header's length, the others mostly its text.
            int position = random.Next(Math.Min(random.Next(8) == 0 ? 8 : 8 + Valid.Length, bytes.Length));
            switch (random.Next(6))
            {
                case 0: bytes[position] = (byte)random.Next(256); break;
                case 1: bytes[position] ^= (byte)(1 << random.Next(8)); break;
                case 2: bytes[position] = (byte)"0123456789-\"[]{},:eE"[random.Next(20)]; break;
                case 3: bytes = bytes[..random.Next(bytes.Length)]; break;
                case 4: bytes = [.. bytes, .. new byte[random.Next(1, 9)]]; break;
                default: bytes[^1] ^= 0x55; break;
            }
        }

        return bytes;
    }

    private static void ReadEverything(SafetensorsFile file)
    {
        long sum = 0;
        foreach (var entry in file.Entries)
        {
            foreach (byte value in file.Bytes(entry.Name)) sum += value;
            if (DTypeNames.FromSafetensors(entry.DType) is not null && entry.LengthBytes > 0)
                Assert.Equal(entry.LengthBytes, file.Get(entry.Name).LengthBytes);
        }

        Assert.True(sum >= 0);
    }
}
