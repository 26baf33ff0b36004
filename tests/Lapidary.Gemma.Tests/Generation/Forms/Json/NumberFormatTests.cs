using Lapidary.Gemma.Generation.Forms.Json;
using Microsoft.Extensions.AI;
using static Lapidary.Gemma.Tests.Generation.Forms.Json.JsonFormTests;

namespace Lapidary.Gemma.Tests.Generation.Forms.Json;

/// <summary>Formats of numbers: their limits, and the types that have them.</summary>
public class NumberFormatTests
{
    /// <summary>The formats of whole numbers in OpenAPI's registry, and those of Rust's schemas.</summary>
    [Theory]
    [InlineData("int8", "-128|127", "-129|128")]
    [InlineData("uint8", "0|255", "-1|256")]
    [InlineData("int16", "-32768|32767", "-32769|32768")]
    [InlineData("uint16", "0|65535", "-1|65536")]
    [InlineData("int32", "-2147483648|2147483647", "-2147483649|2147483648")]
    [InlineData("uint32", "0|4294967295", "-1|4294967296")]
    [InlineData("int64", "-9223372036854775808|9223372036854775807|0", "-9223372036854775809|9223372036854775808|-0|01|1.0")]
    [InlineData("uint64", "18446744073709551615|9999999999999999999|0", "18446744073709551616|99999999999999999999|-1|-")]
    [InlineData("int", "-999999999999999|999999999999999", "1000000000000000")]
    [InlineData("uint", "0|999999999999999", "-1|1000000000000000")]
    [InlineData("int32\", \"maximum\": 7, \"title\": \"", "7|-2147483648", "8")]
    [InlineData("uint64\", \"exclusiveMinimum\": 18446744073709551613, \"title\": \"", "18446744073709551614", "18446744073709551613")]
    [InlineData("uint64\", \"minimum\": -5, \"maximum\": 1e300, \"title\": \"", "0|18446744073709551615", "-1|18446744073709551616")]
    public void AFormatOfWholeNumbers_IsTheirLimit(string format, string allowed, string refused)
    {
        foreach (string type in new[] { "\"type\": \"integer\", ", "\"type\": \"number\", ", "" })
        {
            var form = FormOf($$"""{ {{type}}"format": "{{format}}"}""");
            Assert.All(allowed.Split('|'), text => Assert.True(Accepts(form, text), text));
            Assert.All(refused.Split('|'), text => Assert.False(Accepts(form, text), text));
        }
    }

    /// <summary>What holds less than two digits of a power say has none. A format speaks of its own type alone.</summary>
    [Theory]
    [InlineData("""{"type": "number", "format": "double"}""", "1.5e99|-0.5", "1e400")]
    [InlineData("""{"type": "number", "format": "float"}""", "1.5|-0.25|999999999999999", "1e99|1000000000000000")]
    [InlineData("""{"type": "number", "format": "decimal"}""", "19.99", "1e99")]
    [InlineData("""{"type": ["integer", "null"], "format": "uint8"}""", "null|255", "256|-1")]
    [InlineData("""{"type": ["integer", "string"], "format": "int8", "maxLength": 3}""", "127|\"abc\"", "128|\"abcd\"")]
    [InlineData("""{"type": ["integer", "string"], "format": "date"}""", "1000|\"2027-05-01\"", "\"x\"")]
    public void AFormat_IsOfItsType(string schema, string allowed, string refused) =>
        new JsonFormTests().ASchema_AllowsItsValuesAlone(schema, allowed, refused);

    /// <summary>Schemas as Microsoft.Extensions.AI makes them of numbers' types, and as OpenAPI's documents of ASP.NET have them.</summary>
    [Fact]
    public void NumbersOfDotNet_HaveAForm()
    {
        Type[] types =
        [
            typeof(byte), typeof(sbyte), typeof(short), typeof(ushort), typeof(int), typeof(uint), typeof(long), typeof(ulong),
            typeof(Half), typeof(float), typeof(double), typeof(decimal), typeof(int?), typeof(ulong?), typeof(double?),
        ];
        foreach (var type in types) Assert.True(Accepts(JsonForm.Of(AIJsonUtilities.CreateJsonSchema(type)), "7"), type.Name);
        string[] formats = ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float", "double"];
        foreach (string format in formats)
        {
            string type = NumberFormat.IsIn(NumberFormat.WholeNames, format) ? "integer" : "number";
            Assert.True(Accepts(FormOf($$"""{"type": ["null", "{{type}}"], "format": "{{format}}"}"""), "7"), format);
        }
    }

    [Theory]
    [InlineData("""{"type": "string", "format": "int32"}""", "$.format: expected one of date, date-time, uuid, found int32")]
    [InlineData("""{"type": "integer", "format": "int128"}""", "$.format: expected one of int, int8, int16, int32, int64, uint,")]
    [InlineData("""{"type": "integer", "format": "double"}""", "$.format: expected one of int, int8")]
    [InlineData("""{"type": ["integer", "null"], "format": "date"}""", "$.format: expected one of int, int8")]
    [InlineData("""{"type": "number", "format": "half"}""", "$.format: expected one of int, int8")]
    [InlineData("""{"type": "boolean", "format": "int8"}""", "$.format: expected no format of this type, found int8")]
    [InlineData("""{"type": "integer", "format": "uint64", "maximum": -1}""", "$: no number of uint64 is within the limits")]
    [InlineData("""{"type": "integer", "format": 8}""", "$.format: expected a text, found 8")]
    public void AnotherFormat_IsRefused(string schema, string message) => new JsonFormTests().WhatIsNotEnforced_IsNamed(schema, message);
}
