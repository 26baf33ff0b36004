namespace Lapidary.Hub;

/// <summary>Kinds of repositories. Without a type, an id means a model.</summary>
public enum RepoType
{
    /// <summary>A model or an adapter.</summary>
    Model,

    /// <summary>A data set.</summary>
    Dataset,

    /// <summary>An application (a Space).</summary>
    Space,
}
