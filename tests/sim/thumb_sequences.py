"""Generates sequences of Thumb-2 instructions whose results do not depend on where they are executed.

They use r0 to r8, s0 to s15, the flags, and the memory that r10 points to. Addresses never get into the registers that
are compared, and no instruction has behaviour that the architecture leaves unpredictable.
"""

REGISTERS = [f"r{i}" for i in range(9)]
LOW = REGISTERS[:8]
FLOATS = [f"s{i}" for i in range(16)]
CONDITIONS = ["eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le"]
SHIFTS = ["lsl", "lsr", "asr", "ror"]
MEMORY_BYTES = 256

THREE = ["and", "orr", "eor", "bic", "orn", "add", "sub", "adc", "sbc", "rsb"]
COMPARE = ["cmp", "cmn", "tst", "teq"]
PARALLEL = [
    prefix + operation
    for prefix in ("s", "q", "sh", "u", "uq", "uh")
    for operation in ("add16", "add8", "sub16", "sub8", "asx", "sax")
]
DSP_THREE = [
    "qadd",
    "qsub",
    "qdadd",
    "qdsub",
    "sel",
    "usad8",
    "smuad",
    "smuadx",
    "smusd",
    "smulbb",
    "smulbt",
    "smultb",
    "smultt",
    "smulwb",
    "smulwt",
    "smmul",
    "smmulr",
    "uxtab",
    "uxtah",
    "sxtab",
    "sxtah",
    "uxtab16",
    "sxtab16",
]
DSP_FOUR = [
    "smlad",
    "smladx",
    "smlsd",
    "smlabb",
    "smlabt",
    "smlatb",
    "smlatt",
    "smlawb",
    "smlawt",
    "smmla",
    "smmls",
    "usada8",
    "mla",
    "mls",
]
LONG = ["umull", "smull", "umlal", "smlal", "umaal", "smlald", "smlalbb", "smlaltt"]
ONE = ["clz", "rbit", "rev", "rev16", "revsh", "uxtb", "uxth", "sxtb", "sxth", "uxtb16", "sxtb16", "mvn"]


class Generator:
    def __init__(self, random):
        self.random = random
        self.labels = 0

    def sequence(self, length):
        lines = []
        kinds = [
            self.arithmetic,
            self.arithmetic,
            self.shift,
            self.compare,
            self.immediate,
            self.dsp,
            self.multiply,
            self.bits,
            self.load,
            self.store,
            self.conditional,
            self.branch,
            self.float,
            self.float,
            self.float_compare,
            self.exclusive,
            self.narrow,
        ]
        while len(lines) < length:
            lines += self.random.choice(kinds)()
        return lines

    def reg(self, choices=REGISTERS):
        return self.random.choice(choices)

    def two(self):
        return self.random.sample(REGISTERS, 2)

    def arithmetic(self):
        name, s = self.reg(THREE), self.reg(["", "s"])
        operand = self.reg()
        if self.random.random() < 0.5:
            operand += f", {self.reg(SHIFTS)} #{self.random.randint(1, 31)}"
        return [f"{name}{s}.w {self.reg()}, {self.reg()}, {operand}"]

    def immediate(self):
        byte = self.random.randrange(256)
        value = self.random.choice(
            [byte, byte << 16 | byte, byte * 0x01010101, (byte | 0x80) << self.random.randint(1, 24)]
        )
        name, s = self.reg(THREE), self.reg(["", "s"])
        return self.random.choice(
            [
                [f"{name}{s}.w {self.reg()}, {self.reg()}, #{value}"],
                [f"movw {self.reg()}, #{self.random.randrange(65536)}"],
                [f"movt {self.reg()}, #{self.random.randrange(65536)}"],
                [f"addw {self.reg()}, {self.reg()}, #{self.random.randrange(4096)}"],
                [f"subw {self.reg()}, {self.reg()}, #{self.random.randrange(4096)}"],
            ]
        )

    def narrow(self):
        d, n, m = self.reg(LOW), self.reg(LOW), self.reg(LOW)
        return [
            self.random.choice(
                [
                    f"adds {d}, {n}, {m}",
                    f"subs {d}, {n}, #{self.random.randrange(8)}",
                    f"lsls {d}, {n}, #{self.random.randint(1, 31)}",
                    f"asrs {d}, {m}",
                    f"rors {d}, {m}",
                    f"muls {d}, {n}, {d}",
                    f"negs {d}, {n}",
                    f"adcs {d}, {m}",
                    f"sbcs {d}, {m}",
                ]
            )
        ]

    def shift(self):
        s = self.reg(["", "s"])
        if self.random.random() < 0.2:
            return [f"rrx{s} {self.reg()}, {self.reg()}"]
        amount = self.random.choice([self.reg(), f"#{self.random.randint(1, 31)}"])
        return [f"{self.reg(SHIFTS)}{s}.w {self.reg()}, {self.reg()}, {amount}"]

    def compare(self):
        return [f"{self.reg(COMPARE)}.w {self.reg()}, {self.reg()}, {self.reg(SHIFTS)} #{self.random.randint(1, 31)}"]

    def dsp(self):
        return [
            self.random.choice(
                [
                    f"{self.reg(PARALLEL)} {self.reg()}, {self.reg()}, {self.reg()}",
                    f"{self.reg(DSP_THREE)} {self.reg()}, {self.reg()}, {self.reg()}",
                    f"pkhbt {self.reg()}, {self.reg()}, {self.reg()}, lsl #{self.random.randint(1, 31)}",
                    f"pkhtb {self.reg()}, {self.reg()}, {self.reg()}, asr #{self.random.randint(1, 31)}",
                    f"ssat {self.reg()}, #{self.random.randint(1, 32)}, {self.reg()}, lsl #3",
                    f"usat {self.reg()}, #{self.random.randint(0, 31)}, {self.reg()}, asr #2",
                    f"ssat16 {self.reg()}, #{self.random.randint(1, 16)}, {self.reg()}",
                    f"usat16 {self.reg()}, #{self.random.randint(0, 15)}, {self.reg()}",
                ]
            )
        ]

    def multiply(self):
        low, high = self.two()
        return [
            self.random.choice(
                [
                    f"{self.reg(LONG)} {low}, {high}, {self.reg()}, {self.reg()}",
                    f"{self.reg(DSP_FOUR)} {self.reg()}, {self.reg()}, {self.reg()}, {self.reg()}",
                    f"mul.w {self.reg()}, {self.reg()}, {self.reg()}",
                    f"{self.reg(['sdiv', 'udiv'])} {self.reg()}, {self.reg()}, {self.reg()}",
                ]
            )
        ]

    def bits(self):
        lsb = self.random.randrange(32)
        width = self.random.randint(1, 32 - lsb)
        return [
            self.random.choice(
                [
                    f"bfi {self.reg()}, {self.reg()}, #{lsb}, #{width}",
                    f"bfc {self.reg()}, #{lsb}, #{width}",
                    f"ubfx {self.reg()}, {self.reg()}, #{lsb}, #{width}",
                    f"sbfx {self.reg()}, {self.reg()}, #{lsb}, #{width}",
                    f"{self.reg(ONE)}.w {self.reg()}, {self.reg()}",
                ]
            )
        ]

    def offset(self, size=1):
        return self.random.randrange(0, MEMORY_BYTES - 32, size)

    def load(self):
        first, second = self.two()
        return [
            self.random.choice(
                [
                    f"{self.reg(['ldr', 'ldrb', 'ldrh', 'ldrsb', 'ldrsh'])}.w {self.reg()}, [r10, #{self.offset()}]",
                    f"ldrd {first}, {second}, [r10, #{self.offset(4)}]",
                    "ldmia.w r10, {r1, r3, r4, r8}",
                    f"vldr {self.reg(FLOATS)}, [r10, #{self.offset(4)}]",
                ]
            )
        ]

    def store(self):
        first, second = self.two()
        return [
            self.random.choice(
                [
                    f"{self.reg(['str', 'strb', 'strh'])}.w {self.reg()}, [r10, #{self.offset()}]",
                    f"strd {first}, {second}, [r10, #{self.offset(4)}]",
                    "stmia.w r10, {r0, r2, r5, r7}",
                    f"vstr {self.reg(FLOATS)}, [r10, #{self.offset(4)}]",
                ]
            )
        ]

    def exclusive(self):
        status, value = self.two()
        return [f"ldrex {value}, [r10, #16]", f"add.w {value}, {value}, #1", f"strex {status}, {value}, [r10, #16]"]

    def conditional(self):
        condition = self.reg(CONDITIONS)
        opposite = CONDITIONS[CONDITIONS.index(condition) ^ 1]
        pattern = "".join(self.random.choice("te") for _ in range(self.random.randrange(4)))
        lines = [f"it{pattern} {condition}"]
        for which in "t" + pattern:
            lines.append(
                f"{self.reg(['add', 'eor', 'sub'])}{condition if which == 't' else opposite}.w "
                f"{self.reg()}, {self.reg()}, {self.reg()}"
            )
        return lines

    def branch(self):
        self.labels += 1
        label = f".Lskip{self.labels}"
        jump = self.random.choice(
            [f"b{self.reg(CONDITIONS)} {label}", f"cbz {self.reg(LOW)}, {label}", f"cbnz {self.reg(LOW)}, {label}"]
        )
        return [jump] + self.arithmetic() + self.bits() + [f"{label}:"]

    def float(self):
        d, n, m = self.reg(FLOATS), self.reg(FLOATS), self.reg(FLOATS)
        name = self.reg(
            ["vadd", "vsub", "vmul", "vnmul", "vdiv", "vmla", "vmls", "vnmla", "vnmls", "vfma", "vfms", "vfnma"]
        )
        return [
            self.random.choice(
                [
                    f"{name}.f32 {d}, {n}, {m}",
                    f"{self.reg(['vabs', 'vneg', 'vsqrt'])}.f32 {d}, {m}",
                    f"vcvt.{self.reg(['s32', 'u32'])}.f32 {d}, {m}",
                    f"vcvt.f32.{self.reg(['s32', 'u32'])} {d}, {m}",
                    f"vcvtr.s32.f32 {d}, {m}",
                    f"vcvtb.f32.f16 {d}, {m}",
                    f"vcvtt.f16.f32 {d}, {m}",
                    f"vmov.f32 {d}, #1.5",
                    f"vmov {d}, {self.reg()}",
                    f"vmov {self.reg()}, {m}",
                ]
            )
        ]

    def float_compare(self):
        return [f"{self.reg(['vcmp', 'vcmpe'])}.f32 {self.reg(FLOATS)}, {self.reg(FLOATS)}", "vmrs APSR_nzcv, fpscr"]
