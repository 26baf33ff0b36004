namespace Lapidary.TextToSql.Data;

/// <summary>Ten small tables from different walks of life.</summary>
internal static class SqlTables
{
    public static IReadOnlyList<SqlTable> All { get; } =
    [
        Table(
            "flights", "airline, city, price INTEGER",
            ["North", "Paris", 120], ["Blue", "London", 90], ["Star", "Paris", 210]),
        Table(
            "stores", "name, city, country, sales INTEGER",
            ["Corner", "Berlin", "Germany", 40], ["Central", "London", "England", 75], ["Harbor", "Berlin", "Germany", 60]),
        Table(
            "books", "title, author, year INTEGER, price INTEGER",
            ["Rivers", "Smith", 1998, 15], ["Winter", "Jones", 2004, 22], ["Summer", "Smith", 2010, 18]),
        Table(
            "sensors", "name, type, status, score INTEGER",
            ["S1", "heat", "active", 21], ["S2", "light", "closed", 7], ["S3", "heat", "active", 34]),
        Table(
            "patients", "name, city, age INTEGER, weight INTEGER",
            ["Ann", "Paris", 34, 61], ["Bob", "London", 52, 80], ["Eve", "Paris", 47, 70]),
        Table(
            "employees", "name, department, salary INTEGER, age INTEGER",
            ["Lee", "sales", 4200, 29], ["Kim", "research", 5100, 41], ["Max", "sales", 3900, 35]),
        Table(
            "students", "name, course, score INTEGER, year INTEGER",
            ["Ida", "art", 88, 2021], ["Tom", "music", 73, 2022], ["Mia", "art", 95, 2021]),
        Table(
            "cars", "name, type, price INTEGER, year INTEGER",
            ["Fox", "small", 9000, 2015], ["Bear", "large", 21000, 2019], ["Wolf", "small", 12000, 2020]),
        Table(
            "movies", "title, type, rating INTEGER, year INTEGER",
            ["Dawn", "drama", 8, 1994], ["Echo", "comedy", 6, 2007], ["Ember", "drama", 9, 2018]),
        Table(
            "players", "name, team, country, height INTEGER",
            ["Ray", "red", "France", 181], ["Sam", "blue", "Spain", 176], ["Joe", "red", "Italy", 190]),
    ];

    /// <summary>Creates a table from a list of columns; TEXT if no type is given.</summary>
    private static SqlTable Table(string name, string columns, params object[][] rows) => new(
        name, [.. columns.Split(", ").Select(column => Column(column.Split(' ')))], rows);

    private static SqlColumn Column(string[] parts) => new(parts[0], parts.Length > 1 ? parts[1] : "TEXT");
}
