"""What the pages say about letters, in Indonesian and English."""

#: key -> (Indonesian, English)
LETTERS: dict[str, tuple[str, str]] = {
    "letters": ("Surat", "Letters"),
    "no_letters": ("Belum ada surat.", "No letters yet."),
    "letter.rujukan": ("Surat rujukan", "Letter of referral"),
    "letter.balasan": ("Surat balasan", "Letter of reply"),
    "letter_valid": ("Berlaku", "Valid"),
    "letter_withdrawn": ("Ditarik", "Withdrawn"),
    "letter_print": ("Unduh PDF", "Download PDF"),
    "letter_verify": ("Halaman pemeriksaan surat", "The page that verifies it"),
    "letter_make": ("Buat", "Make the"),
    "letter_make_again": ("Ganti", "Replace the"),
    "letter_replaces": (
        "Surat baru mendapat nomor baru; surat yang sekarang berlaku akan ditarik.",
        "The new letter gets a new number; the one that is valid now is withdrawn.",
    ),
    "letter_logged": (
        "Surat memuat data pribadi: setiap pembuatan dan pengunduhan dicatat (UU 27/2022).",
        "A letter holds personal data: each making and each download is written down (UU 27/2022).",
    ),
    "letter_number": ("Nomor", "Number"),
    "letter_kind": ("Jenis", "Kind"),
    "letter_date": ("Tanggal", "Date"),
    "command.make_letter": ("Surat dibuat", "Letter made"),
    "command.withdraw_letter": ("Tarik surat", "Withdraw the letter"),
    "code.wrong-content": ("Isi keliru", "Wrong content"),
    "code.not-sent": ("Tidak jadi dikirim", "Not sent after all"),
    "code.replaced": ("Diganti surat baru", "Replaced by a new letter"),
    "code.entered-in-error": ("Rujukan salah input", "The referral was entered in error"),
    "state.letter_issued": ("Surat dibuat", "Letter made"),
    "state.letter_withdrawn": ("Surat ditarik", "Letter withdrawn"),
    "verify": ("Pemeriksaan surat", "Verify a letter"),
    "verify_valid": ("Surat ini tercatat dan berlaku.", "This letter is on record and valid."),
    "verify_withdrawn": (
        "Surat ini tercatat, tetapi tidak berlaku lagi sejak",
        "This letter is on record, but no longer valid since",
    ),
    "verify_compare": (
        "Bandingkan dengan surat yang Anda pegang: bila berbeda, jangan dipakai dan hubungi kantor pengirim. "
        "Halaman ini tidak menampilkan data pribadi.",
        "Compare this with the letter that you hold: if they differ, do not use it and ask the office that sent it. "
        "This page shows no personal data.",
    ),
    "problem.letter-unknown": (
        "Mohon maaf, tidak ada surat dengan kode ini. Periksa kembali kode QR atau alamat pada surat.",
        "Sorry, no letter has this code. Check the QR code or the address on the letter again.",
    ),
    "problem.no-letter-now": (
        "Pada status rujukan saat ini surat tersebut tidak dapat dibuat.",
        "That letter cannot be made as the referral stands now.",
    ),
    "problem.no-letter-office": (
        "Kop surat dan penanda tangan kantor Anda belum diisi. Minta operator mengisinya.",
        "Your office has no letterhead and signatory yet. Ask the operator to enter them.",
    ),
    "problem.letter-exists": (
        "Surat tentang hal ini sudah ada. Lihat daftar surat di bawah; gantilah surat itu bila perlu.",
        "There is a letter about this already. See the letters below; replace that one if needed.",
    ),
    "problem.letter-changed": (
        "Data klien pada surat sudah tidak sama dengan registri. Buat surat baru sebagai pengganti.",
        "What the letter says of the client is no longer so in the registry. Make a new letter in its place.",
    ),
    "problem.letter-withdrawn": (
        "Surat ini sudah ditarik dan tidak dapat dicetak lagi.",
        "The letter was withdrawn: it is not printed any more.",
    ),
    "problem.letter-takes-too-long": (
        "Pembuatan surat terlalu lama. Coba lagi sebentar.",
        "The letter takes too long. Try again in a moment.",
    ),
    "problem.ended-too-long-ago": (
        "Rujukan sudah lama selesai: data kliennya tidak dapat dibuka lagi.",
        "The referral ended too long ago: its client's data can no longer be opened.",
    ),
    "problem.entered-in-error": (
        "Rujukan ini salah input: data kliennya tidak dapat dibuka.",
        "The referral was entered in error: its client's data cannot be opened.",
    ),
    "code.consent-missing": ("Persetujuan klien tidak ada", "No consent of the client"),
    "problem.consent-missing": (
        "Persetujuan klien belum dicatat, sudah berakhir, atau ditarik. Tanpa persetujuan yang berlaku, rujukan dengan "
        "dasar ini tidak dapat dikirim dan datanya tidak dapat dibuka.",
        "The client's consent is not recorded, over, or withdrawn. Without one that holds, a referral on this basis "
        "cannot be sent and its data cannot be opened.",
    ),
    "problem.nothing-to-disclose": (
        "Layanan ini tidak lagi milik instansi penerima: tidak ada data yang dapat dibuka.",
        "The service is no longer the receiver's to give: there is nothing to be shown.",
    ),
}
