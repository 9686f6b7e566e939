"""Pools of Indonesian names and streets, written for this generator: common names of no particular person.

A `_` inside an entry stands for a space (`I_Wayan`). Order matters: the same seed must give
the same people for ever, so a pool changes only on purpose.
"""

from dataclasses import dataclass
from random import Random

Pool = tuple[str, ...]


def _names(text: str) -> Pool:
    return tuple(word.replace("_", " ") for word in text.split())


def pick(rng: Random, pool: Pool) -> str:
    """One entry of the pool, each as likely as the other (`rng.choice` costs three times as much)."""
    return pool[int(rng.random() * len(pool))]


@dataclass(frozen=True, slots=True)
class Culture:
    """How one community names its people: given names, second names, and a family name where it has one."""

    name: str
    share: int  # percent of households in Jakarta, a rough mix after the census of 2010
    men: Pool
    women: Pool
    second_men: Pool
    second_women: Pool
    families: Pool = ()
    one_word: float = 0.0  # share of one-word names among those born before 1985
    patronymic: float = 0.0  # share of `bin` and `binti`
    muslim: bool = True  # Muhammad, Siti, haji


JAWA = Culture(
    name="Jawa",
    share=37,
    men=_names(
        "Suharto Sutrisno Slamet Sugeng Bambang Joko Agus Budi Eko Dwi Tri Heru Hari Teguh Wahyu Sigit "
        "Supriyadi Supardi Suparman Sukardi Sumarno Sunarto Suyono Suyanto Sutikno Mulyono Mulyadi Purwanto "
        "Purnomo Widodo Waluyo Wagiman Wagino Tukiman Tukijo Paijo Paimin Ngatimin Ngadiman Kasman Karyono "
        "Kusno Darmaji Harjono Hartono Haryanto Gunawan Bagus Galih Panji Pandu Tejo Untung Yatno Yanto "
        "Rudi Rahmat Nur Imam Arif Achmad Fajar Dimas Aditya Bayu Danang Gilang Anggit Prasetyo Satrio "
        "Ragil"
    ),
    women=_names(
        "Sri Siti Sumiyati Sumarni Sulastri Suparti Suharti Sukini Sukarti Suminah Sutini Suryati Surati "
        "Sumini Wagiyem Tukiyem Poniyem Paijem Painem Ngatini Ngatiyem Kasiyem Kartini Kartinah Lasmi "
        "Lasmini Mujiyem Mulyani Murni Marsinah Parti Partini Rubiyem Rusmini Satinah Sariyem Sarinah Semi "
        "Supini Tuminah Tumini Warsini Yatmi Yuli Endang Dwi Tri Ratna Retno Rini Wulan Ambar Ayu Anis Dewi "
        "Dian Diah Eni Erna Fitri Indah Kristin Lestari Nanik Nunik Puji Rahayu Titik Tutik Umi Wahyuni "
        "Wiwik Yani"
    ),
    second_men=_names(
        "Santoso Susanto Susilo Sulistyo Setiawan Setyawan Saputro Saputra Prabowo Pranoto Prasetyo Pratomo "
        "Purnomo Utomo Wibowo Widodo Wijaya Wicaksono Winarno Nugroho Kuncoro Kusuma Hartono Hartanto "
        "Haryadi Handoko Hermawan Hidayat Kurniawan Cahyono Cahyadi Budiman Budiono Raharjo Riyanto Riyadi "
        "Sudarmo Sujarwo Sumantri Supriyanto Suryanto Wahyudi Yulianto Ariyanto"
    ),
    second_women=_names(
        "Lestari Rahayu Wahyuni Ningsih Setyowati Susilowati Sulistyowati Widyastuti Widiastuti Astuti "
        "Hastuti Puspitasari Handayani Indrayani Kusumawati Kurniawati Kusumaningrum Purwanti Purwaningsih "
        "Pratiwi Pertiwi Utami Wulandari Wijayanti Winarsih Yulianti Yuliati Ariyani Budiarti Damayanti "
        "Fatmawati Hidayati Hartati Mulyani Maryati Nurhayati Sumiati Suryani Suhartini"
    ),
    one_word=0.34,
)
BETAWI = Culture(
    name="Betawi",
    share=27,
    men=_names(
        "Abdul Abdullah Ahmad Ali Amin Amsar Anwar Arifin Asmat Asmawi Bahrudin Bokir Buang Burhan Cecep "
        "Dahlan Djali Encep Entong Fachri Fahmi Fauzi Hamdani Hamid Hasan Hasanudin Husin Husni Ibrahim "
        "Idris Ilyas Ishak Ismail Jaelani Jafar Jamaludin Juned Kosasih Madali Mahmud Malih Mansur Marjuki "
        "Marzuki Matalih Maulana Mian Minan Muhidin Muksin Mustofa Namin Nasir Naim Nawawi Nurdin Nurhasan "
        "Ridwan Rojali Rohman Sabeni Saipul Salim Samsudin Sanusi Sarmili Soleh Sueb Supyan Syafii Syahroni "
        "Usman Yusup Zaenal Zaenudin Zulkifli"
    ),
    women=_names(
        "Aisyah Aminah Amnah Asiah Asmanah Asnawati Azizah Badriyah Barkah Chadijah Eha Ela Emi Enok "
        "Fatimah Fatmah Habibah Halimah Hamidah Hasanah Hasunah Hindun Ida Ijah Iis Jaenab Jamilah Juariah "
        "Juleha Khodijah Kholilah Laila Latifah Maesaroh Maemunah Mariam Maryam Marwiyah Masitoh Maswani "
        "Mimin Munawaroh Muniroh Nafisah Neneng Nuraini Nurhasanah Nurjanah Nurlaela Omah Rogayah Rohani "
        "Rohaya Rohimah Romlah Rosidah Rukiyah Rukmini Sadiah Salbiah Salmah Sanih Saodah Sarah Sarifah "
        "Solihah Sumiyati Suryanih Umamah Yayah Yohanah Zahra Zubaedah Zulaeha"
    ),
    second_men=_names(
        "Abdullah Alamsyah Anwar Arifin Effendi Fadillah Fauzan Firdaus Firmansyah Gozali Hakim Hamzah "
        "Haris Hidayatullah Ibrahim Ikhsan Iskandar Ismail Jamil Kamal Khoiri Lutfi Mahfud Maulana Mubarok "
        "Muslim Nasrullah Nawawi Nugraha Rahman Ramadhan Ridho Rosadi Sanjaya Saputra Syahputra Syahrul "
        "Sofyan Subhan Sulaeman Syarif Yahya Zainudin"
    ),
    second_women=_names(
        "Agustina Amelia Apriyani Aulia Azzahra Fadilah Fitria Fitriyani Hanifah Hasanah Hidayati Indriyani "
        "Istiqomah Khairunnisa Komariah Lestari Mardiyah Maulida Maulidya Nabila Novianti Nuraini Nurhayati "
        "Oktaviani Permatasari Putri Rahmadani Rahmawati Ramadhani Rosdiana Safitri Salsabila Sari Septiani "
        "Sholihah Suryani Wulandari Yuliana Yuningsih Zahrani"
    ),
    one_word=0.26,
    patronymic=0.16,
)
SUNDA = Culture(
    name="Sunda",
    share=16,
    men=_names(
        "Asep Ujang Dadang Dedi Deden Cecep Cucu Encang Endang Engkos Engkus Entis Iwan Jajang Jaja Kosim "
        "Kusnadi Maman Mamat Momon Nanang Nandang Oman Otong Oding Rahmat Rohmat Saepudin Sarip Solihin "
        "Sutisna Tatang Tata Taryana Tedi Toto Udin Undang Usep Uum Wawan Yayan Yaya Yana Yogi Yudi Aceng "
        "Acep Adang Ade Agus Aep Ahmad Apud Atang Aang Budi Dudung Eman Hendi Ijang Ruhiyat"
    ),
    women=_names(
        "Euis Iis Neng Nyai Entin Enung Eti Icih Iceu Imas Iyet Kokom Lilis Mimin Nani Nining Nina Nyimas "
        "Oneng Odah Onih Popon Rina Rokayah Sani Susi Tati Teti Titin Tintin Uun Wati Wiwi Yanti Yati Yayah "
        "Yeti Yoyoh Yuyun Ai Ani Cicih Cucu Dede Dewi Diah Elis Ely Ema Empat Encih Eneng Eulis Heni Ida "
        "Ikah Lina Maryati Nenden Rani Ratna Reni Sinta Sri Tuti Vina Wida Widi Yuni"
    ),
    second_men=_names(
        "Suherman Suryana Sutisna Supriatna Sudrajat Hidayat Kurnia Kurniawan Permana Nugraha Mulyana "
        "Gunawan Hermawan Setiawan Saepuloh Suhendar Suhendra Sukmana Sumarna Surahman Sunarya Taryana "
        "Wiguna Wijaya Wiratma Rukmana Rustandi Rohendi Ramdani Ridwan Priatna Prayoga Nurjaman Natawijaya "
        "Koswara Kosasih Komarudin Iskandar Heryanto Herdiana Gumilar Firmansyah Darmawan"
    ),
    second_women=_names(
        "Rohaeti Rohayati Suhaeti Sumiati Sukaesih Suryati Maryati Mulyati Nurhayati Nurjanah Nuraeni "
        "Rukmini Rosmiati Rostiana Kurniasih Kurniati Komalasari Herawati Hernawati Handayani Juariah "
        "Fatimah Damayanti Aisyah Anggraeni Apriliani Cahyani Permatasari Pujiati Puspita Rahmawati "
        "Septiani Setiawati Sulastri Suminar Susanti Yuliani Yuningsih Wulansari Widaningsih"
    ),
    one_word=0.18,
    patronymic=0.03,
)
BATAK = Culture(
    name="Batak",
    share=5,
    men=_names(
        "Parlindungan Marihot Maruli Mangatur Pardomuan Sahat Saut Tigor Togar Tumpal Torang Hotman Hotma "
        "Binsar Bonar Bistok Jonggi Janter Jhonson Jonathan Johan Jekson Robert Richard Rudolf Ronald "
        "Samuel Daniel David Daud Edison Efendi Ferdinand Gomgom Halomoan Haposan Horas Lamhot Liberty "
        "Luhut Manaek Manahan Marudut Nelson Oloan Patar Poltak Pangihutan Ramot Sabar Sudung"
    ),
    women=_names(
        "Butet Rotua Tiurma Tiur Tiarma Tiodor Tioria Rumondang Roma Romauli Rosmawati Rosida Roslina Risma "
        "Rina Ria Resta Duma Dameria Delima Dorlan Hotmaida Hotmauli Ida Juliana Junita Kartini Lamria "
        "Lasma Lestaria Linda Lisbet Lusiana Magdalena Marta Masniari Maria Merry Nelly Netty Nurmala "
        "Nurhaida Pasu Ramayanti Ruth Sarma Saulina Serlina Sondang Theresia Tetty Uli Vera Yohana"
    ),
    second_men=_names(
        "Halomoan Parulian Pardamean Hasiholan Martua Hamonangan Tua Jaya Putra Sahala Mangasi Hatorangan"
    ),
    second_women=_names(
        "Uli Maria Novita Natalia Elisabet Kristina Veronika Yuliana Permata Putri Romasta Agustina Kristiani Lenita"
    ),
    families=_names(
        "Siregar Simanjuntak Sihombing Sinaga Situmorang Simbolon Silalahi Sitorus Sianturi Siahaan Silaban "
        "Sitanggang Siagian Sirait Hutabarat Hutagalung Hutapea Hutasoit Harahap Nasution Lubis Batubara "
        "Daulay Pasaribu Panjaitan Pardede Pangaribuan Nainggolan Napitupulu Manurung Manullang Marpaung "
        "Lumbantobing Gultom Aritonang Tampubolon Tambunan Purba Saragih Damanik Ginting Tarigan Sembiring "
        "Karo-karo Barus Sitepu"
    ),
    muslim=False,
)
MINANG = Culture(
    name="Minang",
    share=4,
    men=_names(
        "Afrizal Alfian Ali Amril Asril Azwar Bachtiar Basri Buyung Chairul Dasril Dasrul Desrizal Edwar "
        "Erizal Erman Fadli Firdaus Hamdan Hendri Idrus Irwan Ismet Jasril Jon Khairul Masril Mawardi "
        "Muchlis Nasrul Nofrizal Rizal Rusdi Sabirin Syafril Syahrial Syamsul Taufik Yusrizal Zainal "
        "Zulfahmi Zulherman Zulkarnain"
    ),
    women=_names(
        "Arnis Asmawati Asni Darmawati Dasniar Desi Elvira Erni Ermawati Fatma Gusnita Hasnah Jusmaniar "
        "Jusni Lismawarni Mardiana Martini Misnawati Murni Nelfi Neti Nurbaiti Nurhayati Nursiah Rahmi Reni "
        "Rosmaniar Rosna Syamsinar Upik Usnawati Wirda Yarni Yasni Yenni Yulinar Yusnidar Zuraida Zulbaidah "
        "Zulmi"
    ),
    second_men=_names(
        "Chaniago Koto Piliang Tanjung Jambak Sikumbang Guci Sutan Rajo Malik Anwar Rasyid Hamid Yunus Zein "
        "Syarif Effendi Putra Hidayat Akbar Ilyas Nasir Syahputra Kurniawan Marajo Mudo"
    ),
    second_women=_names(
        "Chaniago Koto Piliang Tanjung Yanti Wati Putri Sari Fitri Yulia Susanti Hasanah Delima Elfitri "
        "Novita Rahmadani Yuliani Marlina Mulyani Gusti Oktavia Suryani Anggraini Zahara"
    ),
    one_word=0.3,
)
TIONGHOA = Culture(
    name="Tionghoa",
    share=6,
    men=_names(
        "Andi Andreas Anton Ardi Benny Budi Chandra Daniel Darwin David Dedy Eddy Edwin Erick Fendy Ferry "
        "Franky Freddy Hadi Handi Hendra Hendry Henry Herman Indra Irwan Ivan Jefri Jimmy Johan Johnny "
        "Kevin Kim_Hok Lie_Hong Lukas Michael Paulus Rudy Ronny Stefanus Steven Sugianto Surya Teddy "
        "Tjin_Liong Tommy Vincent Wilson William Willy Yohanes Yusak"
    ),
    women=_names(
        "Agnes Angela Anita Caroline Cecilia Christine Cindy Clara Conny Debora Elisa Elly Erlina Ernawati "
        "Eva Felicia Fenny Florensia Fransisca Giok_Lan Grace Hanny Herlina Imelda Inge Irene Ivana Jenny "
        "Jessica Julia Kartika Lanny Leny Liliana Lily Linda Lucy Margaret Maria Melia Melisa Merry "
        "Mei_Ling Monica Nancy Natalia Novi Olivia Shinta Silvia Siu_Lan Stella Sylvia Vera Veronica Yenny"
    ),
    second_men=_names(
        "Salim Halim Susanto Gunawan Setiadi Santoso Wijaya Kusuma Tanuwijaya Sutanto Hartono Budiman Chandra Sanjaya"
    ),
    second_women=_names(
        "Susanti Halim Gunawan Lestari Wijaya Kusuma Dewi Tanudjaja Sutanto Hartati Kurniawati Chandra Suryani Limanto"
    ),
    families=_names(
        "Tan Lim Lie Liem Oei Oey Kwee Kho Go Ong Thio Tio Tjan Tjia Sie Sim Tjoa Phang Halim Salim Wijaya "
        "Gunawan Susanto Hartono Tanuwijaya Tanudjaja Tanoto Tandean Limantara Limanto Lesmana Sutanto "
        "Sutedja Setiawan Setiadi Santosa Widjaja Wibisono Kurniawan Kusnadi Hermanto Budiman Cahyadi "
        "Chandra Darmawan Gozali"
    ),
    muslim=False,
)
BUGIS = Culture(
    name="Bugis",
    share=3,
    men=_names(
        "Andi_Baso Andi_Mappa Andi_Rustam Baharuddin Baso Beddu Daeng_Nai Daeng_Tutu Hasanuddin Jamaluddin "
        "Kamaruddin La_Ode La_Sakka Lantara Mappanyukki Mustamin Nurdin Pallawa Rusli Saharuddin Sappe "
        "Sirajuddin Syamsuddin Tahir Tajuddin Usman Zainuddin"
    ),
    women=_names(
        "Andi_Tenri Andi_Besse Besse Cammi Daeng_Baji Daeng_Sunggu Hasnah Hasnawati I_Cenning I_Tima Indo "
        "Jumriah Kartini Maryam Nurhaedah Nurhayati Rabiah Rahmatia Rosmini Saharia Sitti Sitti_Aminah "
        "Suharti Tenri Wa_Ode"
    ),
    second_men=_names(
        "Makkulau Tappi Manda Rahim Latif Karim Rauf Mappiare Paturusi Palaguna Hamzah Yusuf Amir Syam Kadir"
    ),
    second_women=_names(
        "Hafid Rahim Latif Karim Makmur Amir Syam Kadir Nur Amalia Ningsih Rahmawati Wati Aminah Halijah"
    ),
    one_word=0.3,
    patronymic=0.08,
)
BALI = Culture(
    name="Bali",
    share=2,
    men=_names(
        "I_Wayan I_Made I_Nyoman I_Ketut I_Putu I_Gede I_Gusti_Ngurah I_Komang I_Kadek Ida_Bagus Anak_Agung_Gde"
    ),
    women=_names(
        "Ni_Wayan Ni_Made Ni_Nyoman Ni_Ketut Ni_Putu Ni_Luh Ni_Komang Ni_Kadek Ida_Ayu I_Gusti_Ayu Anak_Agung_Istri"
    ),
    second_men=_names(
        "Suardana Sudarma Sudiarta Suarta Sukerta Sutama Sudana Sumerta Suparta Wirawan Widana Wiratha "
        "Astawa Ardana Arnawa Budiarta Dharma Mahendra Mertha Negara Parwata Puja Rai Sastra Yasa"
    ),
    second_women=_names(
        "Suartini Sukerti Suryani Sudiasih Suwarni Widiantari Widyawati Wirati Ariani Astiti Budiasih "
        "Darmini Dewi Kariani Kertiasih Laksmi Mariani Murniati Parwati Puspa Rai Sari Trisnawati "
        "Yuliantari"
    ),
    muslim=False,
)
CULTURES = (JAWA, BETAWI, SUNDA, BATAK, MINANG, TIONGHOA, BUGIS, BALI)

# Those born after about 1990 bear names of the whole country more than of their parents' region.
MODERN_MEN = _names(
    "Aditya Afif Agung Akbar Aldi Alfian Alif Alvin Andika Andre Angga Ardiansyah Arya Azka Bagas Bima "
    "Daffa Dafa Danu Dava Denny Dika Dimas Faisal Fajar Farel Farhan Fathir Febri Fikri Galang Gibran "
    "Gilang Hafiz Haikal Ibnu Ikhsan Ilham Irfan Kenzo Krisna Miko Nabil Naufal Novan Panji Putra Raditya "
    "Rafa Rafi Raihan Raka Rama Rangga Rasya Raffi Rendi Reza Rifki Rifqi Rizal Rizki Rizky Ryan Satria "
    "Tegar Vino Wisnu Yoga Yudha Zaki Zidan"
)
MODERN_WOMEN = _names(
    "Adelia Adinda Aisyah Alya Amanda Amelia Anggun Anisa Annisa Aqila Aurel Aulia Ayu Azzahra Bella Bunga "
    "Cahya Calista Cantika Chika Cinta Citra Della Dinda Dini Dwi Elsa Eva Fanny Fitri Gita Hana Indah "
    "Intan Jihan Keisha Keyla Khanza Kirana Lutfi Maya Meilani Mutia Nabila Nadia Nadya Naila Najwa Naura "
    "Nayla Nazwa Nisa Novi Nur Nurul Olivia Putri Rahma Raisa Rani Ratu Regina Revalina Risma Salma "
    "Salsabila Sarah Sekar Shakila Sherly Silvi Sindi Syifa Tasya Tiara Vania Winda Yolanda Zahra Zaskia"
)
MODERN_SECOND_MEN = _names(
    "Pratama Saputra Ramadhan Maulana Firmansyah Setiawan Hidayat Nugroho Kurniawan Wijaya Putra Perdana "
    "Permana Prasetya Alfarizi Al_Fatih Fadillah Febrian Fauzan Hakim Hidayatullah Ibrahim Kusuma Mahendra "
    "Nugraha Oktavian Pamungkas Prayoga Rahman Rizkiawan Romadhon Santoso Septian Syahputra Wibowo "
    "Wicaksono Yudistira Akbar Anugrah Ardiansyah"
)
MODERN_SECOND_WOMEN = _names(
    "Putri Lestari Maharani Ramadhani Rahmawati Safitri Permatasari Anggraini Azzahra Oktaviani Wulandari "
    "Aulia Nabila Salsabila Khairunnisa Puspita Pratiwi Damayanti Fitriani Handayani Cahyani Kusuma "
    "Febriani Novitasari Nuraini Apriliani Agustin Amalia Aprilia Dewi Fadhilah Hapsari Kirana Larasati "
    "Meliana Novianti Rahmadani Sari Utami Yuliana"
)

STREET_PREFIXES = ("Jl.",) * 6 + ("Gg.", "Gg.", "Jl. H.", "Kp.")
STREETS = _names(
    "Melati Mawar Kenanga Anggrek Cempaka Kemuning Flamboyan Dahlia Teratai Bougenville Mangga Rambutan "
    "Durian Kecapi Nangka Belimbing Salak Manggis Jambu Duku Merdeka Pemuda Pahlawan Pelita Swadaya Karya "
    "Bakti Masjid Madrasah Pesantren Langgar Kramat Buncit Poncol Damai Sejahtera Makmur Bahagia Harapan "
    "Sawo Jati Cendana Mahoni Akasia Beringin Puskesmas Balai_Rakyat Kebon_Jeruk Kebon_Kacang "
    "Lapangan_Bola Rawa_Bambu Empang Warung_Jati Saidi Naim Saabun Mughni Rohimin Batu Aren Kelapa Pinang "
    "Kali_Pesanggrahan"
)
NUMERALS = ("",) * 5 + ("I", "II", "III", "IV", "V", "Dalam", "Raya")
# Kabupaten and kota from which people moved to the capital, as codes of Kemendagri.
ORIGINS = _names(
    "33.29 33.28 33.27 33.02 33.05 33.08 33.09 33.11 33.12 33.72 33.74 34.02 34.71 35.08 35.15 35.18 "
    "35.78 32.05 32.07 32.08 32.09 32.12 32.01 32.03 36.02 36.04 36.71 12.71 12.02 12.12 13.71 13.06 "
    "16.71 18.71 61.71 73.71 73.08 51.08 53.71 71.71"
)
