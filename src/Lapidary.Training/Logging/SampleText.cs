using System.Text;

namespace Lapidary.Training.Logging;

/// <summary>A sample as Markdown.</summary>
internal static class SampleText
{
    /// <summary>Question, expected answer and answer, each as indented text, which Markdown shows as it is.</summary>
    public static string Markdown(EvaluationSample sample)
    {
        var text = new StringBuilder();
        Part("Question", sample.Question);
        if (sample.Expected is { } expected) Part("Expected", expected);
        Part(sample.IsRight switch { true => "Answer (right)", false => "Answer (wrong)", null => "Answer" }, sample.Answer ?? "(none)");
        return text.ToString();

        void Part(string title, string content)
        {
            text.Append("**").Append(title).Append("**\n\n");
            foreach (string line in content.ReplaceLineEndings("\n").Split('\n')) text.Append("    ").Append(line).Append('\n');
            text.Append('\n');
        }
    }
}
