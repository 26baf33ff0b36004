namespace Lapidary.Cli.Completion;

/// <summary>Scripts that make a shell ask the tool for the next words: lapidary "[suggest:POSITION]" "LINE". A line ":files" in the answer
/// stands for file names.</summary>
internal static class ShellScripts
{
    private const string Bash = """
        # Completion of lapidary for bash:  source <(lapidary completions bash)
        _lapidary() {
            local line="${COMP_LINE:0:$COMP_POINT}" word="${COMP_WORDS[COMP_CWORD]}" typed head suggestion file
            typed="${line##*[[:space:]]}"
            # bash takes "=" and ":" for the ends of words: what stands before them is not to be repeated.
            word="${typed##*[=:]}"
            head="${typed%"$word"}"
            COMPREPLY=()
            while IFS= read -r suggestion; do
                if [[ $suggestion == ":files" ]]; then
                    compopt -o filenames 2> /dev/null
                    while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -- "$word")
                else
                    COMPREPLY+=("${suggestion#"$head"}")
                fi
            done < <("$1" "[suggest:${#line}]" "$line" 2> /dev/null)
        }
        complete -F _lapidary lapidary

        """;

    private const string Zsh = """
        #compdef lapidary
        # Completion of lapidary for zsh:  source <(lapidary completions zsh)
        _lapidary() {
            local line="${BUFFER[1,CURSOR]}" suggestion
            local -a words_found
            local files=0
            while IFS= read -r suggestion; do
                if [[ $suggestion == ":files" ]]; then files=1; else words_found+=("$suggestion"); fi
            done < <("${words[1]}" "[suggest:${#line}]" "$line" 2> /dev/null)
            (( ${#words_found} )) && compadd -a words_found
            if (( files )); then
                compset -P 1 '--*='
                _files
            fi
            return 0
        }
        compdef _lapidary lapidary

        """;

    private const string Fish = """
        # Completion of lapidary for fish:  lapidary completions fish | source
        function __lapidary_complete
            set -l line (commandline -cp)
            set -l tool (commandline -opc)[1]
            for suggestion in ($tool "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null)
                if test "$suggestion" = ":files"
                    set -l word (commandline -ct)
                    set -l head (string match -r -- '^--[^=]*=' "$word")
                    for path in (__fish_complete_path (string replace -r -- '^--[^=]*=' '' "$word"))
                        echo "$head$path"
                    end
                else
                    echo $suggestion
                end
            end
        end
        complete -c lapidary -f -a '(__lapidary_complete)'

        """;

    private const string PowerShell = """
        # Completion of lapidary for PowerShell:  lapidary completions pwsh | Out-String | Invoke-Expression
        Register-ArgumentCompleter -Native -CommandName lapidary -ScriptBlock {
            param($wordToComplete, $commandAst, $cursorPosition)
            $line = $commandAst.ToString()
            $at = $cursorPosition - $commandAst.Extent.StartOffset
            if ($at -gt $line.Length) { $line = $line.PadRight($at) }
            & $commandAst.CommandElements[0].Value "[suggest:$at]" "$line" 2>$null | ForEach-Object {
                if ($_ -eq ':files') {
                    $head = if ($wordToComplete -match '^--[^=]*=') { $Matches[0] } else { '' }
                    [System.Management.Automation.CompletionCompleters]::CompleteFilename($wordToComplete.Substring($head.Length)) |
                        ForEach-Object {
                            [System.Management.Automation.CompletionResult]::new(
                                $head + $_.CompletionText, $_.ListItemText, $_.ResultType, $_.ToolTip)
                        }
                }
                else { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
            }
        }

        """;

    /// <summary>The shells.</summary>
    public static IReadOnlyList<string> Names { get; } = ["bash", "zsh", "fish", "pwsh"];

    /// <summary>The script for a shell, or null.</summary>
    public static string? Of(string shell) => shell switch
    {
        "bash" => Bash,
        "zsh" => Zsh,
        "fish" => Fish,
        "pwsh" => PowerShell,
        _ => null,
    };

    /// <summary>Where to install the script.</summary>
    public static string HowToInstall(string shell) => shell switch
    {
        "bash" => "add to ~/.bashrc: source <(lapidary completions bash)",
        "zsh" => "add to ~/.zshrc, after compinit: source <(lapidary completions zsh)",
        "fish" => "run: lapidary completions fish > ~/.config/fish/completions/lapidary.fish",
        _ => "add to $PROFILE: lapidary completions pwsh | Out-String | Invoke-Expression",
    };
}
