using Google.Protobuf;
using Lapidary.Training.Logging;

namespace Lapidary.Training.Tests.Logging;

/// <summary>Bytes put together by hand from the field numbers of TensorBoard's summary.proto, tensor.proto and
/// plugins/hparams/plugin_data.proto.</summary>
public class HParamsTests
{
    private const string Half = "000000000000E03F", One = "000000000000F03F", Two = "0000000000000040";

    [Fact]
    public void Start_HasTheSettingsByTheirTypes()
    {
        var value = HParams.Start(
            [new("lr", "0.5"), new("on", "true"), new("m", "x"), new("d", "a"), new("d", "b")], seconds: 2);

        // session_start_info (3) { hparams (1) { key (1), value (2) { number (2), bool (4) or string (3) } }…, start_time_secs (5) }
        string content = Field("1A",
            Field("0A", Field("0A", Ascii("lr")) + Field("12", "11" + Half))
            + Field("0A", Field("0A", Ascii("on")) + Field("12", "2001"))
            + Field("0A", Field("0A", Ascii("m")) + Field("12", Field("1A", Ascii("x"))))
            + Field("0A", Field("0A", Ascii("d")) + Field("12", Field("1A", Ascii("a,b"))))
            + "29" + Two);
        AssertBytes(Value("_hparams_/session_start_info", content), value);
    }

    [Theory]
    [InlineData(true, "01")]
    [InlineData(false, "02")]
    public void End_HasTheStatus(bool isComplete, string status) =>
        AssertBytes(
            Value("_hparams_/session_end_info", Field("22", "08" + status + "11" + One)), HParams.End(isComplete, seconds: 1));

    [Fact]
    public void Texts_AreStringsOfTheTextPlugin()
    {
        string markdown = SampleText.Markdown(new EvaluationSample("q\n```", "e", "**a**", true));

        Assert.Equal("**Question**\n\n    q\n    ```\n\n**Expected**\n\n    e\n\n**Answer (right)**\n\n    **a**\n\n", markdown);
        // tensor (8) { dtype (1) DT_STRING (7), tensor_shape (2) { dim (2) { size (1) 1 } }, string_val (8) },
        // metadata (9) { plugin_data (1) { plugin_name (1) }, data_class (4) DATA_CLASS_TENSOR (2) }
        AssertBytes(
            Field("0A", Ascii("samples/1")) + Field("42", "0807" + Field("12", Field("12", "0801")) + Field("42", Ascii("hi")))
            + Field("4A", Field("0A", Field("0A", Ascii("text"))) + "2002"),
            PluginValue.Of("text", "samples/1", content: null, "hi"));
    }

    /// <summary>tag (1), an empty tensor (8) of DT_FLOAT (1), metadata (9) with the plugin's content (2).</summary>
    private static string Value(string tag, string content) =>
        Field("0A", Ascii(tag)) + Field("42", "0801" + Field("12", Field("12", "")))
        + Field("4A", Field("0A", Field("0A", Ascii("hparams")) + Field("12", content)) + "2002");

    private static string Field(string key, string content)
    {
        int length = content.Length / 2;
        return key + (length < 128 ? $"{length:X2}" : $"{(length & 127) | 128:X2}{length >> 7:X2}") + content;
    }

    private static string Ascii(string text) => Convert.ToHexString(System.Text.Encoding.ASCII.GetBytes(text));

    private static void AssertBytes(string expected, TensorBoardSummary.Types.Value value) =>
        Assert.Equal(expected, Convert.ToHexString(value.ToByteArray()));
}
