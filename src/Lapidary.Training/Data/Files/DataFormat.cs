namespace Lapidary.Training;

/// <summary>Kinds of data files.</summary>
public enum DataFormat
{
    /// <summary>JSON Lines: one object a line.</summary>
    Jsonl,

    /// <summary>A list of objects, or an object with such a list as "data" or "train".</summary>
    Json,

    /// <summary>Comma-separated values with a header.</summary>
    Csv,

    /// <summary>Tab-separated values with a header.</summary>
    Tsv,

    /// <summary>Apache Parquet; not possible from a pipe.</summary>
    Parquet,
}
