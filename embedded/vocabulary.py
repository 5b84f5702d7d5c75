"""The words that the generator draws from: names, things, places, facts, and words that nobody has seen before."""


def split(words: str) -> tuple[str, ...]:
    """The words of a line."""
    return tuple(words.split())


NAMES_F = split("Mia Ada Lily Nora Zoe Ruth Ivy Ella Tess Maya Lucy Rosa June Hana Wren")
NAMES_M = split("Ben Tom Max Leo Sam Finn Omar Jack Theo Hugo Ravi Noah Kai Pip Otto")
NAMES = NAMES_F + NAMES_M
MORE_NAMES = split(
    "Anna Maria Sofia Emma Olivia Clara Alice Julia Sara Laura Elena Irene Nina Vera Lena Greta Ingrid Yuki Mei Aisha "
    "Fatima Leila Priya Anita Carmen Paula Diana Helen Kate Jane Peter Paul John Mark Luke David Daniel Simon Martin "
    "Victor Carlos Diego Pablo Marco Luca Ivan Boris Igor Ali Hassan Amir Kofi Kwame Chen Wei Jun Hiro Kenji Bruno Felix "
    "Oscar Arthur George Henry James Robert Frank Karl Hans Lars Erik Nils Alex Charlie Grace Rachel"
)
FEMALE = frozenset(NAMES_F) | frozenset(
    split(
        "Anna Maria Sofia Emma Olivia Clara Alice Julia Sara Laura Elena Irene Nina Vera Lena Greta Ingrid Yuki Mei Aisha "
        "Fatima Leila Priya Anita Carmen Paula Diana Helen Kate Jane Grace Rachel"
    )
)
ANIMALS = split("fox rabbit bear owl mouse duck frog cat dog hedgehog squirrel turtle goat pony")
TRAITS = split("little brave kind curious shy cheerful clever sleepy gentle noisy tiny proud lonely silly")
PLACES = (
    ("the forest", "under the tall trees"),
    ("the beach", "near the blue waves"),
    ("the garden", "between the roses"),
    ("the old mill", "beside the river"),
    ("the hill", "above the village"),
    ("the market", "next to the fruit stall"),
    ("the park", "behind the green bench"),
    ("the barn", "on the warm hay"),
    ("the lake", "by the wooden boat"),
    ("the library", "among the books"),
)
OBJECTS = split("kite ball drum lamp boat hat shell book bell key basket blanket star map cake whistle button scarf")
COLOURS = split("red blue green yellow white purple golden silver orange pink")
FOODS = ("warm soup", "apple pie", "berries", "bread and honey", "cookies", "plums")
FRUITS = split("apple banana orange grape lemon pear plum cherry peach melon")
JOBS = split("teacher doctor baker farmer pilot painter driver cook nurse singer writer sailor")
WORDS = split(
    "apple river stone cloud tiger music bread chair green table light snow ocean paper happy grape lemon horse piano "
    "storm candle mirror window garden pencil rocket"
)
MORE_WORDS = split(
    "time year people way day man thing woman life child world school state family student group country problem hand "
    "part place case week company system program question work night point home water room mother area money story fact "
    "month lot right study word business side kind head house service friend father power hour game line end member law "
    "car city community name president team minute idea body back parent face others level office door health person art "
    "war history party result change morning reason research girl guy moment air teacher force foot boy age policy "
    "process sense nation plan college interest death course someone experience behind reach local six road form leaf "
    "salt sugar spoon knife fork plate bottle glass cup shoe coat shirt glove ring gold iron wood wool silk sand rock "
    "hill lake sea wave wind rain fire smoke ash dust seed root branch flower grass corn wheat rice bean onion carrot "
    "potato tomato cheese butter milk honey bee ant spider snake wolf lion eagle crow swan goose sheep pig cow donkey "
    "camel monkey whale shark crab train bus bike truck plane ship bridge tower wall gate roof floor stair bed desk "
    "clock bell lock rope net basket bucket hammer nail saw needle thread paint brush ink page letter stamp coin purse "
    "velvet copper marble violet orbit planet comet galaxy signal engine magnet prism tunnel valley desert island canyon"
)
WORDS_OPEN = WORDS + MORE_WORDS

CAPITALS = {
    "France": ("Paris", "法国", "巴黎"),
    "Japan": ("Tokyo", "日本", "东京"),
    "Italy": ("Rome", "意大利", "罗马"),
    "Spain": ("Madrid", "西班牙", "马德里"),
    "China": ("Beijing", "中国", "北京"),
    "Egypt": ("Cairo", "埃及", "开罗"),
    "Germany": ("Berlin", "德国", "柏林"),
    "Canada": ("Ottawa", "加拿大", "渥太华"),
    "Russia": ("Moscow", "俄罗斯", "莫斯科"),
    "Greece": ("Athens", "希腊", "雅典"),
    "Norway": ("Oslo", "挪威", "奥斯陆"),
    "Peru": ("Lima", "秘鲁", "利马"),
    "Kenya": ("Nairobi", "肯尼亚", "内罗毕"),
    "Cuba": ("Havana", "古巴", "哈瓦那"),
    "Portugal": ("Lisbon", "葡萄牙", "里斯本"),
    "Poland": ("Warsaw", "波兰", "华沙"),
    "Thailand": ("Bangkok", "泰国", "曼谷"),
    "Ireland": ("Dublin", "爱尔兰", "都柏林"),
}
"""A country: its capital in English, its own name in Chinese, its capital in Chinese."""

CHINESE = {
    "cat": "猫", "dog": "狗", "book": "书", "water": "水", "sun": "太阳", "moon": "月亮", "tree": "树", "fish": "鱼",
    "bird": "鸟", "house": "房子", "red": "红色", "blue": "蓝色", "friend": "朋友", "school": "学校", "rice": "米饭",
    "tea": "茶", "mountain": "山", "river": "河", "hello": "你好", "thank you": "谢谢", "good morning": "早上好",
    "good night": "晚安", "one": "一", "two": "二", "three": "三", "apple": "苹果", "flower": "花", "star": "星星",
}  # fmt: skip
MEASURES = {
    "cat": "一只", "dog": "一只", "bird": "一只", "book": "一本", "fish": "一条", "tree": "一棵", "house": "一座",
    "apple": "一个", "flower": "一朵", "star": "一颗", "friend": "一个", "water": "", "tea": "", "rice": "",
}  # fmt: skip
"""Nouns for whole sentences, each with the Chinese measure word that stands before one of it; none for what flows."""
OPPOSITES = dict(
    zip(
        split("hot big fast happy open day up left early full old hard wet loud light rich"),
        split("cold small slow sad closed night down right late empty new soft dry quiet dark poor"),
        strict=True,
    )
)
DAYS = split("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = split("January February March April May June July August September October November December")
KINDS = {"animal": ANIMALS, "color": COLOURS, "fruit": FRUITS, "job": JOBS}
"""A class of things and what belongs to it."""
