using Lapidary.Formats;

namespace Lapidary.Gemma.Text;

/// <summary>The template refuses a conversation, or fails. The message names the template's file; <see cref="Reason"/> does not, for
/// readers on other machines.</summary>
internal sealed class ChatTemplateException : LapidaryException
{
    /// <param name="place">The template and the line in it.</param>
    /// <param name="role">What the message says of the message that fails; empty if none is known.</param>
    /// <param name="index">Of the message that fails, from 0; null if none is known.</param>
    /// <param name="error">What the template says.</param>
    public ChatTemplateException(string place, string role, int? index, Exception error)
        : base($"{place}: {role}{error.Message}", error) => (Index, Reason) = (index, error.Message);

    /// <summary>Of the message at which the template fails, from 0; null if it is not one message's fault.</summary>
    public int? Index { get; }

    /// <summary>What the template says.</summary>
    public string Reason { get; }
}
