"""Facts of EPC binary coding: headers, partitions, widths, and values in a "+" tag.

Derived by tests/labels/derive_epc.py from gs1/TDT, release 2.2 (of EPC Tag Data Standard
2.2), Apache-2.0, Copyright GS1 AISBL. Do not edit: run the script.
"""

# ruff: noqa: E501

from typing import Final

COMPANY: Final = "40.12 37.11 34.10 30.9 27.8 24.7 20.6"
"""Bits and digits of the company prefix, by partition value."""

CLASSIC: Final[dict[int, str]] = {
    0x2C: "GDTI-96 | 96 | gdti | 253=company+reference+check+serial | padded | 1.0 4.1 7.2 11.3 14.4 17.5 21.6 | serial:41:integer",
    0x2D: "GSRN-96 | 96 | gsrn | 8018=company+reference+check | padded | 18.5 21.6 24.7 28.8 31.9 34.10 38.11 | zero:24:zero",
    0x2E: "GSRNP-96 | 96 | gsrnp | 8017=company+reference+check | padded | 18.5 21.6 24.7 28.8 31.9 34.10 38.11 | zero:24:zero",
    0x30: "SGTIN-96 | 96 | sgtin | 01=lead+company+rest+check 21=serial | padded | 4.1 7.2 10.3 14.4 17.5 20.6 24.7 | serial:38:integer",
    0x31: "SSCC-96 | 96 | sscc | 00=lead+company+rest+check | padded | 18.5 21.6 24.7 28.8 31.9 34.10 38.11 | zero:24:zero",
    0x32: "SGLN-96 | 96 | sgln | 414=company+reference+check 254=serial | padded | 1.0 4.1 7.2 11.3 14.4 17.5 21.6 | serial:41:integer",
    0x33: "GRAI-96 | 96 | grai | 8003=0+company+reference+check+serial | padded | 4.0 7.1 10.2 14.3 17.4 20.5 24.6 | serial:38:integer",
    0x34: "GIAI-96 | 96 | giai | 8004=company+reference | integer | 42 45 48 52 55 58 62 | ",
    0x36: "SGTIN-198 | 198 | sgtin | 01=lead+company+rest+check 21=serial | padded | 4.1 7.2 10.3 14.4 17.5 20.6 24.7 | serial:140:text",
    0x37: "GRAI-170 | 170 | grai | 8003=0+company+reference+check+serial | padded | 4.0 7.1 10.2 14.3 17.4 20.5 24.6 | serial:112:text",
    0x38: "GIAI-202 | 202 | giai | 8004=company+reference | text | 148 151 154 158 161 164 168 | ",
    0x39: "SGLN-195 | 195 | sgln | 414=company+reference+check 254=serial | padded | 1.0 4.1 7.2 11.3 14.4 17.5 21.6 | serial:140:text",
    0x3A: "GDTI-113 | 113 | gdti | 253=company+reference+check+serial | padded | 1.0 4.1 7.2 11.3 14.4 17.5 21.6 | serial:58:prefixed",
    0x3C: "CPI-96 | 96 | cpi | 8010=company+reference 8011=serial | integer | 11<3 14<4 17<5 21<6 24<7 27<8 31<9 | serial:31:integer",
    0x3D: "CPI-var | 0 | cpi | 8010=company+reference 8011=serial | six | 0 0 0 0 0 0 0 | serial:40<12:integer",
    0x3E: "GDTI-174 | 174 | gdti | 253=company+reference+check+serial | padded | 1.0 4.1 7.2 11.3 14.4 17.5 21.6 | serial:119:text",
    0x3F: "SGCN-96 | 96 | sgcn | 255=company+reference+check+serial | padded | 1.0 4.1 7.2 11.3 14.4 17.5 21.6 | serial:41:prefixed",
    0x40: "ITIP-110 | 110 | itip | 8006=lead+company+rest+check+piece+total 21=serial | padded | 4.1 7.2 10.3 14.4 17.5 20.6 24.7 | piece:7:padded total:7:padded serial:38:integer",
    0x41: "ITIP-212 | 212 | itip | 8006=lead+company+rest+check+piece+total 21=serial | padded | 4.1 7.2 10.3 14.4 17.5 20.6 24.7 | piece:7:padded total:7:padded serial:140:text",
}
"""Header -> name, bits (0: as they come), name in a URI, AIs, kind and widths of the reference by
partition value (bits.digits, bits<digits), then name:width:kind of what follows."""

UNPARTITIONED: Final[dict[int, str]] = {
    0x2F: "USDOD-96 | 96 | usdod | filter:4:integer cageordodaac:48:eight serial:36:integer",
    0x35: "GID-96 | 96 | gid | generalmanager:28:integer objectclass:24:integer serial:36:integer",
    0x3B: "ADI-var | 0 | adi | filter:6:integer cage:30:six serial:0:six",
}
"""Header -> name, bits, name in a URI, name:width:kind of its fields (of the first of its forms)."""

PLUS: Final[dict[int, str]] = {
    0xF0: "CPI+ | 8010 8011 | 8011 | ",
    0xF1: "GRAI+ | 8003 |  | ",
    0xF2: "SGLN+ | 414 254 | 254 | ",
    0xF3: "ITIP+ | 8006 21 | 22 10 21 | ",
    0xF4: "GSRN+ | 8018 | 8019 | ",
    0xF5: "GSRNP+ | 8017 | 8019 | ",
    0xF6: "GDTI+ | 253 |  | ",
    0xF7: "SGTIN+ | 01 21 | 22 10 21 | ",
    0xF8: "SGCN+ | 255 |  | ",
    0xF9: "SSCC+ | 00 |  | ",
    0xFA: "GIAI+ | 8004 |  | ",
    0xFB: "DSGTIN+ | 01 21 | 22 10 21 | 11 13 15 16 17 7006 7007",
}
"""Header -> name, AIs, qualifiers in the path of a link, AIs of the date by its kind."""

VALUES: Final[dict[str, str]] = {
    "nibbles 18": "00 8006 8017-8018 8026",
    "nibbles 14": "01-02",
    "text 5 20": "10 21-22 243 254 420 4318 7020-7022 710-716 7240 8002 8012",
    "date": "11-13 15-17 4326 7006",
    "digits 2 7": "20",
    "text 5 28": "235",
    "text 5 30": "240-241 250-251 400-401 403 4308 4319 7002 7230-7239 90",
    "number 3 6": "242",
    "nibbles 13 + text 5 17": "253",
    "nibbles 13 + number 4 12": "255",
    "number 4 8": "30 37",
    "digits 6 20": "3100-3105 3110-3115 3120-3125 3130-3135 3140-3145 3150-3155 3160-3165 3200-3205 3210-3215 3220-3225 3230-3235 3240-3245 3250-3255 3260-3265 3270-3275 3280-3285 3290-3295 3300-3305 3310-3315 3320-3325 3330-3335 3340-3345 3350-3355 3360-3365 3370-3375 3400-3405 3410-3415 3420-3425 3430-3435 3440-3445 3450-3455 3460-3465 3470-3475 3480-3485 3490-3495 3500-3505 3510-3515 3520-3525 3530-3535 3540-3545 3550-3555 3560-3565 3570-3575 3600-3605 3610-3615 3620-3625 3630-3635 3640-3645 3650-3655 3660-3665 3670-3675 3680-3685 3690-3695 3950-3953 8005",
    "number 4 15": "3900-3909 3920-3929 423 425",
    "digits 3 10 + number 4 15": "3910-3919 3930-3939",
    "digits 4 14": "3940-3943 8111",
    "digits 17 57": "402",
    "nibbles 13": "410-417",
    "digits 3 10 + text 4 9": "421",
    "digits 3 10": "422 424 426",
    "text 2 3": "427 7008",
    "text 6 35": "4300-4301 4310-4311 4320",
    "text 7 70": "4302-4306 4312-4316 7257 8110 8112 8200",
    "country": "4307 4317",
    "digits 20 67": "4309",
    "bit": "4321-4323",
    "minute": "4324-4325 7003",
    "digits 6 20 + sign": "4330-4333",
    "digits 13 44": "7001",
    "number 3 4": "7004",
    "text 4 12": "7005",
    "range": "7007",
    "text 4 10": "7009 7255",
    "text 2 2": "7010",
    "precision": "7011 8008",
    "delimited 5 30": "7023 8004 8010",
    "digits 3 10 + text 5 27": "7030-7039",
    "text 3 4": "7040-7041",
    "nibbles 2": "7241",
    "text 5 25": "7242 8013 8020",
    "digits 8 27": "7250",
    "digits 12 40": "7251",
    "digits 1 4": "7252",
    "text 6 40": "7253-7254 7259",
    "text 7 90": "7256 8030 91-99",
    "sequence": "7258",
    "digits 14 47": "8001",
    "nibbles 14 + text 5 16": "8003",
    "text 5 24": "8007",
    "text 6 50": "8009",
    "number 4 12": "8011",
    "number 4 10": "8019",
}
"""How a value stands in the bits -> its AIs (Table F); `+` joins two components."""

AI_DIGITS: Final[dict[int, str]] = {
    2: "00-02 10-13 15-17 20-22 30 37 90-99",
    3: "23-25 40-42 71",
    4: "31-36 39 43 70 72 80-82",
}
"""Digits of an AI -> its first two (Table K)."""
