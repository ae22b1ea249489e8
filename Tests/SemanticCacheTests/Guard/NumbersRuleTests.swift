import SemanticCache
import Testing

struct NumbersRuleTests {
    @Test(arguments: [
        ("transfer 1,000 euros", "transfer 1000 euros"), ("it costs 5k", "it costs 5000"), ("it costs 5 thousand", "it costs 5,000"),
        ("two pounds", "2 pounds"), ("twenty-one days", "21 days"), ("two hundred and fifty grams", "250 g"), ("a dozen eggs", "12 eggs"),
        ("the 3rd man", "the third man"), ("half a cup", "1/2 a cup"), ("½ cup", "half cup"), ("5kg of rice", "5 kg of rice"),
        ("$500", "500 dollars"), ("15%", "15 percent"), ("World War II", "World War 2"), ("１２ monkeys", "12 monkeys"), ("$5.00", "$5"),
        ("one apple", "an apple"), ("1 apple", "one apple"), ("1.5 million people", "1,500,000 people"), ("wait a second", "wait"),
        ("COVID-19 rules", "COVID 19 rules"), ("30-day visa", "visa for 30 days"),
    ]) func `the same number in another spelling passes`(left: String, right: String) {
        #expect(outcome(.numbers, left, right) == .pass)
    }

    @Test(arguments: [
        ("15% of 240", "15% of 420"), ("2 pounds", "12 pounds"), ("-5 degrees", "5 degrees"), ("Python 3.1", "Python 3.10"),
        ("mp3", "mp4"), ("M604n", "M605n"), ("50% off", "0.5 off"), ("10²", "102"), ("100 ml", "100 l"), ("5 km", "5 miles"),
        ("$40", "€40"),
        ("World War I", "World War II"), ("the first law", "the second law"), ("at 5:30", "at 3:50"), ("on 2024-01-05", "on 2024-05-01"),
        ("192.168.0.1", "192.168.0.2"), ("3pm", "3am"), ("a week", "two weeks"), ("2+2", "2+2+2"), ("007", "7"), ("5k", "5 kg"),
        ("one third", "two thirds"), ("99999999999999999999", "99999999999999999998"), ("1,000", "1,00"), ("18 and 80", "18"),
    ]) func `another number, or the same in another unit, blocks`(left: String, right: String) {
        #expect(outcome(.numbers, left, right) == .block)
    }

    @Test func `numbers of any length are read without overflow`() {
        for count in [17, 18, 19, 20, 400] {
            let digits = String(repeating: "9", count: count)
            #expect(outcome(.numbers, digits, digits + "9") == .block)
            #expect(outcome(.numbers, digits + " trillion billion million", digits + " trillion billion million.") == .pass)
        }
        #expect(outcome(.numbers, "nine trillion trillion trillion", "nine trillion trillion") == .block)
    }
}
