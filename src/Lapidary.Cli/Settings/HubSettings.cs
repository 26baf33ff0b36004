using Lapidary.Cli.CommandLine;
using Lapidary.Training;

namespace Lapidary.Cli.Settings;

/// <summary>The settings of <see cref="HubPush"/>: how a run is pushed.</summary>
internal static class HubSettings
{
    private static readonly HubPush Defaults = new();

    public static readonly Setting<bool> PushToHub = Setting.Flag("push-to-hub", Help(nameof(HubPush.PushToHub)), Defaults.PushToHub);

    public static readonly Setting<string?> ModelId = Setting.Text("hub-model-id", "ID", Help(nameof(HubPush.HubModelId)));

    public static readonly Setting<HubStrategy> Strategy = new(
        "hub-strategy", string.Join('|', Enum.GetNames<HubStrategy>().Select(SettingText.Snake)), Help(nameof(HubPush.HubStrategy)),
        Defaults.HubStrategy, text => (HubStrategy)SettingText.Enumeration(typeof(HubStrategy), text));

    public static readonly Setting<bool> PrivateRepo =
        Setting.Flag("hub-private-repo", Help(nameof(HubPush.HubPrivateRepo)), Defaults.HubPrivateRepo);

    /// <summary>TRL's option for a token. Others can read arguments and files of settings, so it is known only to be refused.</summary>
    private static readonly Setting<string?> Token = HiddenToken();

    /// <summary>In the order of the help text.</summary>
    public static IReadOnlyList<Setting> All { get; } = [PushToHub, ModelId, Strategy, PrivateRepo, Token];

    /// <summary>Those that change nothing where nothing is pushed.</summary>
    public static IReadOnlyList<Setting> OfAPush { get; } = [ModelId, Strategy, PrivateRepo];

    /// <summary>The record with the values given.</summary>
    /// <exception cref="ToolException">A token is among them.</exception>
    public static HubPush Read(SettingValues values) => values.Get(Token) is null
        ? new HubPush
        {
            PushToHub = values.Get(PushToHub),
            HubModelId = values.Get(ModelId),
            HubStrategy = values.Get(Strategy),
            HubPrivateRepo = values.Get(PrivateRepo),
        }
        : throw new ToolException(
            "--hub-token (hub_token) is refused, as others can read arguments and settings; log in with 'lapidary login', or set "
            + "HF_TOKEN.");

    private static Setting<string?> HiddenToken()
    {
        var setting = new Setting<string?>("hub-token", "TOKEN", "Refused; log in instead.", null, text => text, format: _ => null);
        setting.Option.Hidden = true;
        return setting;
    }

    private static string Help(string property) => OptionTexts.Of(typeof(HubPush), property);
}
