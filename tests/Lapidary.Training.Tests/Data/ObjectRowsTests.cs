using Lapidary.Formats;
using Lapidary.Gemma;
using Microsoft.Extensions.AI;

namespace Lapidary.Training.Tests.Data;

/// <summary>Rows out of a program's own objects.</summary>
public class ObjectRowsTests
{
    private sealed record Pair(int Id, string Question, string? Sql);

    private sealed class Entity
    {
        public string Prompt { get; init; } = "p";

        public string Completion { get; init; } = "c";

        public Entity Parent => throw new InvalidOperationException("another query");
    }

    private sealed record Circle(string Text)
    {
        public Circle Itself => this;
    }

    [Fact]
    public void AnonymousObjects_ArePromptAndCompletion() => Assert.Equal(
        ["1+1 -> 2", "2+2 -> 4"],
        Rows(DataSet.From([new { Prompt = "1+1", Completion = "2" }, new { Prompt = "2+2", Completion = "4" }])));

    [Fact]
    public void Options_NameOtherProperties_AndFilter()
    {
        Pair[] pairs = [new(1, "a", "A"), new(2, "b", "B"), new(3, "c", "C")];
        var options = new DataSetOptions { PromptColumn = "Question", CompletionColumn = "sql", Filters = [RowFilter.Parse("Id>1")] };
        Assert.Equal(["b -> B", "c -> C"], Rows(DataSet.From(pairs, options)));
        var template = new DataSetOptions { Template = RowTemplate.TextToSql };
        var question = new { SqlPrompt = "How many?", SqlContext = "CREATE t", Sql = "SELECT 1" };
        string text = Assert.Single(Rows(DataSet.From([question], template)));
        Assert.Contains("How many?", text, StringComparison.Ordinal);
        Assert.EndsWith("assistant: SELECT 1", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Messages_AreTurns_AnonymousObjects_OrChatMessages()
    {
        const string Expected = "user: Hi | assistant: Hello";
        var own = new { Messages = new[] { new { content = "Hi", role = "user" }, new { content = "Hello", role = "assistant" } } };
        Assert.Equal([Expected], Rows(DataSet.From([own])));
        var turns = new { Messages = new List<ChatTurn> { new("user", "Hi"), new("assistant", "Hello") { IsTrained = false } } };
        var row = (MessagesRow)DataSet.From([turns]).Rows[0];
        Assert.Equal(["Hi", "Hello"], row.Messages.Select(turn => turn.Content));
        Assert.Equal([true, false], row.Messages.Select(turn => turn.IsTrained));
        List<ChatMessage> chat = [new(ChatRole.User, "Hi"), new(ChatRole.Assistant, "Hello")];
        Assert.Equal([Expected, Expected], Rows(DataSet.From([chat, chat])));
    }

    [Fact]
    public void TextsIdsAndDictionaries_AreRowsToo()
    {
        Assert.Equal(["a", "b"], Rows(DataSet.From(["a", "b"])));
        Assert.Equal(["2,7,1 / -100,7,1"], Rows(DataSet.From([new { InputIds = new[] { 2, 7, 1 }, Labels = new[] { -100, 7, 1 } }])));
        Assert.Equal(["x -> y"], Rows(DataSet.From([new Dictionary<string, object?> { ["prompt"] = "x", ["completion"] = "y" }])));
    }

    [Fact]
    public void ASelector_MakesRows() => Assert.Equal(
        ["a -> A"], Rows(DataSet.From([("a", "A")], pair => new PromptCompletionRow(pair.Item1, pair.Item2))));

    [Fact]
    public void OnlyColumnsThatAreUsed_AreRead()
    {
        Assert.Equal(["p -> c"], Rows(DataSet.From([new Entity()])));
        Assert.Equal(["t"], Rows(DataSet.From([new Circle("t")])));
    }

    [Fact]
    public void TheSameRows_HaveTheSameHash_ForTheirTokens()
    {
        static DataSet Make(string completion) => DataSet.From([new { Prompt = "p", Completion = completion }]);
        Assert.NotNull(Make("a").ContentHash());
        Assert.Equal(Make("a").ContentHash(), Make("a").ContentHash());
        Assert.NotEqual(Make("a").ContentHash(), Make("b").ContentHash());
    }

    [Fact]
    public void AnError_NamesTheRowAndTheProperty()
    {
        Refuses("rows row 2: expected an object, found null", () => DataSet.From(new Pair?[] { new(1, "a", "A"), null }, Of("Question")));
        Pair[] incomplete = [new(1, "a", "A"), new(2, "b", null)];
        Refuses("rows row 2: expected \"Question\" and \"Sql\" to be two strings", () => DataSet.From(incomplete, Of("Question")));
        Refuses("expected a column \"Frage\", found columns Id, Question, Sql", () => DataSet.From([new Pair(1, "a", "A")], Of("Frage")));
        Refuses("found columns Id, Question, Sql; name yours with PromptColumn", () => DataSet.From([new Pair(1, "a", "A")]));
        Refuses("expected an object with public properties", () => DataSet.From([("a", "b")]));
        Refuses("rows: expected at least one row", () => DataSet.From(Array.Empty<Pair>()));
        Refuses("rows row 1: expected a row from the selector, found null", () => DataSet.From(["a"], _ => null!));

        static DataSetOptions Of(string prompt) => new() { PromptColumn = prompt, CompletionColumn = "Sql" };
    }

    private static string[] Rows(DataSet data) => RowText.Of(data);

    private static void Refuses(string expected, Func<DataSet> make) =>
        Assert.Contains(expected, Assert.Throws<LapidaryException>(make).Message, StringComparison.Ordinal);
}
