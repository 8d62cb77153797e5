package sample

// script is one kind of name, with the share of people who bear it.
type script struct {
	share    int // out of 100
	language string
	country  string
	prefix   string // of mobile telephones; seven digits follow
	given    []string
	family   []string
	ending   []string // joined to family names; empty for none
}

// scripts are the names of the generator. Latin names are composed of parts, so that there are as many as in life.
var scripts = []script{
	{
		22, "en", "GB", "+44740",
		[]string{"Ada", "Grace", "Alan", "Olivia", "Liam", "Noah", "Emma", "Ava", "Oliver", "Isla", "Jack", "Harriet", "Theo", "Ruby", "George", "Mia"},
		[]string{"Ash", "Brad", "Carl", "Ding", "East", "Farn", "Good", "Hart", "Ing", "Kirk", "Lang", "Middle", "North", "Oak", "Pem", "Rad", "Stan", "Thorn", "Wake", "York"},
		[]string{"ley", "ton", "well", "worth", "field", "man", "by", "son", "ford", "wick", "combe", "hurst", "more", "stead", "bourne", "gate"},
	},
	{
		16, "de", "DE", "+491511",
		[]string{"Jürgen", "Käthe", "Söhnke", "Anna", "Lukas", "Mia", "Jörg", "Bärbel", "Felix", "Greta", "Günther", "Leonie"},
		[]string{"Müll", "Schmied", "Weiß", "Groß", "Berg", "Stein", "König", "Bäck", "Wald", "Holz", "Köhl", "Feld", "Rößl", "Lind"},
		[]string{"er", "mann", "inger", "haus", "hofer", "bauer", "auer", "egger", "meier", "brecht", "ke", "le"},
	},
	{
		12, "fr", "FR", "+3361",
		[]string{"Émile", "Chloé", "François", "Zoé", "Léa", "Hugo", "Inès", "Jérôme", "Anaïs", "Mathéo"},
		[]string{"Beau", "Mont", "Du", "Le", "De La ", "Château", "Saint-", "Bois", "Clair", "Grand"},
		[]string{"fort", "croix", "pré", "roux", "marchand", "lieu", "vallée", "pont", "champ", "rivière"},
	},
	{
		9, "pl", "PL", "+4850",
		[]string{"Łukasz", "Małgorzata", "Paweł", "Żaneta", "Zofia", "Stanisław", "Grażyna", "Jan"},
		[]string{"Kowal", "Wiśniew", "Dąbrow", "Zieliń", "Szymań", "Woź", "Krawczyń", "Górs", "Łęc", "Śliw"},
		[]string{"ski", "ska", "czyk", "ewicz", "niak", "owski", "icz"},
	},
	{
		8, "tr", "TR", "+90532",
		[]string{"Ayşe", "İbrahim", "Çağla", "Ömer", "Gülşen", "Mehmet", "Işıl"},
		[]string{"Yıl", "Öz", "Demir", "Şa", "Ay", "Kara", "Ak", "Gün"},
		[]string{"maz", "türk", "han", "gül", "taş", "oğlu", "soy", "kaya"},
	},
	{
		12, "zh-Hans", "CN", "+861381",
		[]string{"小龙", "伟", "芳", "秀英", "敏", "静", "丽", "强", "磊", "洋", "艳", "勇", "军", "杰", "娟", "涛", "明", "超", "建国", "志强", "海燕", "雪梅"},
		[]string{"王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马", "罗", "欧阳", "司马"},
		nil,
	},
	{
		4, "ja", "JP", "+81901",
		[]string{"はるき", "翔太", "美咲", "陽菜", "大輔", "さくら", "健一", "ひかり"},
		[]string{"村上", "佐藤", "鈴木", "高橋", "田中", "渡辺", "伊藤", "山本", "中村", "小林"},
		nil,
	},
	{
		4, "ko", "KR", "+82102",
		[]string{"민준", "서연", "지훈", "하은", "도윤", "수빈", "예준", "지우"},
		[]string{"김", "이", "박", "최", "정", "강", "조", "윤", "장", "임"},
		nil,
	},
	{
		5, "ru", "RU", "+7916",
		[]string{"Анна", "Дмитрий", "Ольга", "Сергей", "Елена", "Фёдор", "Юлия"},
		[]string{"Ивано", "Петро", "Соколо", "Лебеде", "Козло", "Орло", "Достоевс", "Толст"},
		[]string{"в", "ва", "вич", "вский"},
	},
	{
		4, "ar", "EG", "+20101",
		[]string{"محمد", "فاطمة", "أحمد", "ليلى", "يوسف", "مريم"},
		[]string{"الحسن", "منصور", "إبراهيم", "السيد", "حداد", "النجار", "خليل"},
		nil,
	},
	{
		4, "hi", "IN", "+91981",
		[]string{"आरव", "दीया", "राहुल", "प्रिया", "विक्रम", "अनिता"},
		[]string{"शर्मा", "वर्मा", "गुप्ता", "सिंह", "पटेल", "अय्यर"},
		nil,
	},
}
