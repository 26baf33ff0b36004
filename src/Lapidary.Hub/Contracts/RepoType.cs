namespace Lapidary.Hub;

/// <summary>What a repository of the Hub holds; an id is taken for a model's unless another type is given.</summary>
public enum RepoType
{
    /// <summary>A model or an adapter.</summary>
    Model,

    /// <summary>A data set.</summary>
    Dataset,

    /// <summary>An application.</summary>
    Space,
}
