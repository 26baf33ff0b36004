using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Settings;
using Lapidary.Training;

namespace Lapidary.Cli.Runs;

/// <summary>Chosen options that have no effect beside the others. transformers accepts them, so a run continues and reports them.</summary>
internal static class OptionNotes
{
    /// <summary>With --resume, the options for the start of a run: repeating the command line with --resume is common.</summary>
    public static IEnumerable<string> OfAResumedRun(SettingValues values, ModelSettings model)
    {
        if (values.IsChosen(model.Adapter))
            yield return "--adapter is where a new run starts; beside --resume the weights are the checkpoint's.";
        if (values.IsChosen(SftSettings.Of(nameof(SftConfig.OverwriteOutputDir))))
            yield return "--overwrite-output-dir is for a new run; beside --resume nothing is overwritten.";
    }

    /// <summary>One line for each.</summary>
    public static IEnumerable<string> Of(SettingValues values, SftConfig config, bool hasEvaluation)
    {
        bool IsChosen(string property) => values.IsChosen(SftSettings.Of(property));
        bool warmupRatio = IsChosen(nameof(SftConfig.WarmupRatio)) && config.WarmupRatio > 0;
        bool warmupSteps = IsChosen(nameof(SftConfig.WarmupSteps)) && config.WarmupSteps > 0;
        if (IsChosen(nameof(SftConfig.NumTrainEpochs)) && config.MaxSteps > 0)
            yield return $"--max-steps {config.MaxSteps} goes before --num-train-epochs, as in transformers.";
        if ((warmupRatio || warmupSteps) && config.LrSchedulerType == LrSchedulerType.Constant)
            yield return "the constant schedule ignores warm-up, as in transformers; --lr-scheduler-type constant_with_warmup has it.";
        else if (warmupRatio && config.WarmupSteps > 0)
            yield return $"--warmup-steps {config.WarmupSteps} goes before --warmup-ratio, as in transformers.";
        if (IsChosen(nameof(SftConfig.PackingStrategy)) && !config.Packing)
            yield return "--packing-strategy changes nothing without packing; --packing true has it.";
        if (IsChosen(nameof(SftConfig.SaveSteps)) && config.SaveStrategy != IntervalStrategy.Steps)
            yield return "--save-steps changes nothing here; --save-strategy steps goes by it.";
        if (!values.Get(HubSettings.PushToHub) && HubSettings.OfAPush.FirstOrDefault(values.IsChosen) is { } unused)
            yield return $"--{unused.Name} changes nothing without --push-to-hub.";
        bool evaluates = IsChosen(nameof(SftConfig.EvalStrategy)) && config.EvalStrategy != IntervalStrategy.No;
        if (!hasEvaluation && (evaluates || IsChosen(nameof(SftConfig.EvalSteps))))
            yield return "there are no rows to evaluate on, so nothing is evaluated; --eval-dataset or --test-size brings some.";
        else if (IsChosen(nameof(SftConfig.EvalSteps)) && config.EvalStrategy != IntervalStrategy.Steps)
            yield return "--eval-steps changes nothing here; --eval-strategy steps goes by it.";
    }
}
