using System.Globalization;

namespace Lapidary.TextToSql.Synthesis.Domains;

/// <summary>Words that columns of many tables take their values from.</summary>
internal static class Pools
{
    private static readonly string[] First = Split(
        "Alice Bruno Carla David Elena Farid Grace Hugo Irene Jonas Karim Laura Marta Nadia Oscar Paula Quentin Rosa Samuel Tara Ursula "
        + "Victor Wendy Yusuf Zoe Amara Boris Chloe Diego Esther Felix Greta Hana Ivan Julia Kenji Lina Mateo Nora Omar");

    private static readonly string[] Last = Split(
        "Adams Bianchi Costa Duarte Evans Fischer Garcia Haddad Ito Jensen Kowalski Lopez Moreau Novak Okafor Petrov Quinn Rossi Silva "
        + "Tanaka Usman Vargas Weber Young Zhang Andersson Becker Carter Dubois Eriksen Ferrari Grant Hughes Ivanova Jones Khan Larsen "
        + $"Meyer Nguyen Olsen");

    private static readonly string[] Cities = Split(
        "Berlin Lisbon Madrid Oslo Dublin Vienna Prague Warsaw Athens Boston Chicago Denver Seattle Toronto Montreal Sydney Osaka Nairobi "
        + "Lima Bogota Cairo Zurich Porto Milan Lyon Leeds");

    private static readonly string[] Countries = Split(
        "France Spain Italy Germany Brazil Japan Canada Mexico Kenya India Norway Portugal Chile Egypt Poland Sweden");

    private static readonly string[] CompanyHeads = Split(
        "Acme Nordic Summit Vertex Orion Pioneer Sterling Evergreen Harbor Quantum Cobalt Crestline Meridian Ironwood Lakeside");

    private static readonly string[] CompanyTails = Split("Group Systems Partners Works Industries Labs");

    private static readonly string[] Streets = Split(
        "Oak Maple Cedar Mill River Church Station Garden Park King Queen Harbour Bridge Market Forest Lake");

    private static readonly string[] Notes =
    [
        "urgent", "checked twice", "second attempt", "as agreed", "to be confirmed", "no changes", "see file", "weather delay",
        "good result", "needs care", "first time", "on request",
    ];

    /// <summary>A value.</summary>
    /// <param name="pool">"person", "city", "country", "company", "street", "words", "email" or "code".</param>
    /// <param name="pattern">Of a code: # stands for a digit.</param>
    /// <param name="dice">Draws.</param>
    public static string Draw(string pool, string pattern, Dice dice) => pool switch
    {
        "person" => $"{dice.Pick(First)} {dice.Pick(Last)}",
        "city" => dice.Pick(Cities),
        "country" => dice.Pick(Countries),
        "company" => $"{dice.Pick(CompanyHeads)} {dice.Pick(CompanyTails)}",
        "street" => string.Create(CultureInfo.InvariantCulture, $"{dice.Between(1, 199)} {dice.Pick(Streets)} Street"),
        "words" => dice.Pick(Notes),
        "email" => $"{dice.Pick(First)}.{dice.Pick(Last)}@example.com".ToLowerInvariant(),
        _ => string.Concat(pattern.Select(c => c == '#' ? (char)('0' + dice.Between(1, 9)) : c)),
    };

    private static string[] Split(string words) => words.Split(' ');
}
