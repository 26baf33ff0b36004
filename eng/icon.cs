// Draws the packages' icon, a cut gem of 128 x 128 pixels: dotnet run eng/icon.cs eng/icon.png

using System.Buffers.Binary;
using System.IO.Compression;

const int Size = 128, Samples = 4;

// Facets in a square of 100 x 100: a table on top, a crown around it, a pavilion that ends in a point.
(float X, float Y)[][] shapes =
[
    [(30, 14), (70, 14), (62, 34), (38, 34)],
    [(30, 14), (38, 34), (8, 38)], [(70, 14), (92, 38), (62, 34)],
    [(8, 38), (38, 34), (34, 42)], [(38, 34), (62, 34), (66, 42), (34, 42)], [(62, 34), (92, 38), (66, 42)],
    [(8, 38), (34, 42), (50, 90)], [(34, 42), (66, 42), (50, 90)], [(66, 42), (92, 38), (50, 90)],
];
uint[] colours = [0xB7F0E4, 0x7FDCCB, 0x4FC4B2, 0x38AE9F, 0x9BE8D9, 0x2A978B, 0x1F8A80, 0x3DBBAA, 0x146B65];

byte[] pixels = new byte[Size * (1 + (Size * 4))]; // each line begins with its filter, none
for (int y = 0; y < Size; y++)
{
    for (int x = 0; x < Size; x++)
    {
        int red = 0, green = 0, blue = 0, hits = 0;
        for (int i = 0; i < Samples * Samples; i++)
        {
            float px = (x + ((i % Samples + 0.5f) / Samples)) * 100 / Size, py = (y + ((i / Samples + 0.5f) / Samples)) * 100 / Size;
            int facet = Array.FindIndex(shapes, shape => IsInside(shape, px, py));
            if (facet < 0) continue;
            hits++;
            red += (int)(colours[facet] >> 16 & 255);
            green += (int)(colours[facet] >> 8 & 255);
            blue += (int)(colours[facet] & 255);
        }

        if (hits == 0) continue;
        var pixel = pixels.AsSpan(1 + (y * (1 + (Size * 4))) + (x * 4), 4);
        (pixel[0], pixel[1], pixel[2]) = ((byte)(red / hits), (byte)(green / hits), (byte)(blue / hits));
        pixel[3] = (byte)(hits * 255 / (Samples * Samples));
    }
}

using var file = File.Create(args[0]);
file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
byte[] header = new byte[13];
BinaryPrimitives.WriteInt32BigEndian(header, Size);
BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), Size);
(header[8], header[9]) = (8, 6); // 8 bits, red, green, blue and alpha
Write("IHDR", header);
var packed = new MemoryStream();
using (var zlib = new ZLibStream(packed, CompressionLevel.SmallestSize, leaveOpen: true)) zlib.Write(pixels);
Write("IDAT", packed.ToArray());
Write("IEND", []);

void Write(string type, byte[] data)
{
    byte[] chunk = [.. type.Select(c => (byte)c), .. data];
    byte[] number = new byte[4];
    BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
    file.Write(number);
    file.Write(chunk);
    BinaryPrimitives.WriteUInt32BigEndian(number, Crc(chunk));
    file.Write(number);
}

static uint Crc(byte[] data)
{
    uint crc = uint.MaxValue;
    foreach (byte value in data)
    {
        crc ^= value;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
    }

    return ~crc;
}

static bool IsInside((float X, float Y)[] shape, float x, float y)
{
    bool isInside = false;
    for (int i = 0, j = shape.Length - 1; i < shape.Length; j = i++)
    {
        var (a, b) = (shape[i], shape[j]);
        if (a.Y > y != b.Y > y && x < ((b.X - a.X) * (y - a.Y) / (b.Y - a.Y)) + a.X) isInside = !isInside;
    }

    return isInside;
}
