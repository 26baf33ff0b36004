using Lapidary.Cli;
using Lapidary.Cli.Output;

using var interruption = new Interruption();
return LapidaryTool.Run(args, Terminal.System(interruption));
