namespace Lapidary.Gemma.Text;

/// <summary>The conversation format of Gemma 3 as our template, for folders without one. Its output equals that of the template in Google's
/// files.</summary>
internal static class GemmaChatTemplate
{
    /// <summary>The start of a conversation.</summary>
    public const string BosToken = "<bos>";

    /// <summary>The Jinja text. An initial system message is put before the first user turn; roles must alternate; content is trimmed; the
    /// assistant's content and its end of turn are marked as generated.</summary>
    public const string Text = """
        {{- bos_token -}}
        {%- set start = namespace(prefix='', index=0) -%}
        {%- if messages[0].role == 'system' -%}
            {%- set system = messages[0].content -%}
            {%- set start.prefix = (system if system is string else system[0].text) + '\n\n' -%}
            {%- set start.index = 1 -%}
        {%- endif -%}
        {%- for message in messages[start.index:] -%}
            {%- if (message.role == 'user') != (loop.index is odd) -%}
                {{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') -}}
            {%- endif -%}
            {%- set content = namespace(text='') -%}
            {%- if message.content is string -%}
                {%- set content.text = message.content | trim -%}
            {%- elif message.content is iterable -%}
                {%- for part in message.content -%}
                    {%- if part.type == 'image' -%}
                        {%- set content.text = content.text + '<start_of_image>' -%}
                    {%- elif part.type == 'text' -%}
                        {%- set content.text = content.text + part.text | trim -%}
                    {%- endif -%}
                {%- endfor -%}
            {%- else -%}
                {{- raise_exception('Invalid content type') -}}
            {%- endif -%}
            {{- '<start_of_turn>' + ('model' if message.role == 'assistant' else message.role) + '\n' -}}
            {{- start.prefix if loop.first -}}
            {%- if message.role in ['assistant', 'model'] -%}
                {%- generation -%}
                    {{- content.text + '<end_of_turn>\n' -}}
                {%- endgeneration -%}
            {%- else -%}
                {{- content.text + '<end_of_turn>\n' -}}
            {%- endif -%}
        {%- endfor -%}
        {%- if add_generation_prompt -%}
            {{- '<start_of_turn>model\n' -}}
        {%- endif -%}
        """;
}
