using System.Text;
using Lapidary.Formats;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Training.Tests.Data;

public class CsvRecordsTests
{
    [Fact]
    public void Load_ReadsQuotedMultiLineFields()
    {
        const string Csv = "prompt,completion,other\r\n\"a \"\"quoted\"\", one\",\"line 1\nline 2\r\n\",x\r\n\r\n"
            + "  p  ,,\"\"\r\nSELECT \"a\" x,é😀,z";
        Assert.Equal(["a \"quoted\", one -> line 1\nline 2\r\n", "  p   -> ", "SELECT \"a\" x -> é😀"], RowText.Load("a.csv", Csv));
    }

    [Fact]
    public void Load_ReadsTabs_AndAMark() =>
        Assert.Equal(["a,b", "c\td"], RowText.Load("a.tsv", "\uFEFFid\ttext\n1\ta,b\n2\t\"c\td\"\n"));

    [Fact]
    public void Load_ReadsListsWrittenAsJson()
    {
        Assert.Equal(["1,2 / -100,2"], RowText.Load("a.csv", "input_ids,labels\n\"[1, 2]\",\"[-100, 2]\"\n"));
        Assert.Equal(["1,2"], RowText.Load("a.csv", "input_ids,labels\n\"[1, 2]\",\n"));
        Assert.Equal(["user: q"], RowText.Load("a.csv", "messages\n\"[{\"\"role\"\": \"\"user\"\", \"\"content\"\": \"\"q\"\"}]\"\n"));
    }

    [Theory]
    [InlineData("", "expected a header line")]
    [InlineData("text\n", "expected at least one row, found none")]
    [InlineData("text,text\na,b\n", "expected each column name once, found \"text\" 2 times")]
    [InlineData("text,x\na,b\nc\n", "line 3: expected 2 fields, as the header has names, found 1; quote a field")]
    [InlineData("text,x\na,b\nc,d,e\n", "line 3: expected 2 fields, as the header has names, found 3;")]
    [InlineData("text,x\n\"1\n2\",b\n\"c,d\n", "line 4: ")]
    [InlineData("text,x\na,b\n\"c\"d,e\n", "line 3: expected a separator or line end after a closing quote")]
    [InlineData("text,x\na\"b,c\n\"c\"d,e\n", "line 3: expected a separator or line end after a closing quote")]
    [InlineData("body\na\n", "line 2: expected columns messages")]
    public void Load_NamesFileAndLineOfErrors(string csv, string expected)
    {
        using var file = new TemporaryFile("data.csv", csv);
        var error = Assert.Throws<LapidaryException>(() => DataSet.Load(file.Name));
        Assert.StartsWith(file.Name, error.Message);
        Assert.Contains(expected, error.Message);
        Assert.DoesNotContain("\n", error.Message);
    }

    [Fact]
    public void Load_RefusesAnUnclosedQuoteAndWhatIsNotUtf8()
    {
        using var open = new TemporaryFile("a.csv", "text\n\"abc\n");
        Assert.Contains("closing quote", Assert.Throws<LapidaryException>(() => DataSet.Load(open.Name)).Message);
        using var latin = new TemporaryFile("a.csv", Encoding.Latin1.GetBytes("text\né\n"));
        Assert.Contains("expected UTF-8 text in \"text\"", Assert.Throws<LapidaryException>(() => DataSet.Load(latin.Name)).Message);
    }

    [Fact]
    public void Load_LetsOnlyItsOwnErrorsEscape()
    {
        byte[] seed = Encoding.UTF8.GetBytes("prompt,completion\n\"a \"\"q\"\"\",\"b\nc\"\nd,é\n");
        var random = new Random(3);
        for (int i = 0; i < 500; i++)
        {
            byte[] mutated = (byte[])seed.Clone();
            for (int j = random.Next(1, 5); j > 0; j--) mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            var reader = new RowReader(new());
            try
            {
                foreach (var record in CsvRecords.Read(new MemoryStream(mutated), "a.csv", ',')) reader.Read(record);
            }
            catch (LapidaryException error)
            {
                Assert.StartsWith("a.csv", error.Message);
            }
        }
    }
}
