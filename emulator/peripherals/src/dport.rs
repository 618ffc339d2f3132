//! DPORT: the system registers of the ESP32 (TRM chapters "System and Memory", "Interrupt Matrix" and "Reset and Clock").
//!
//! Holds what two cores share: the interrupt matrix, the interrupts that one core raises on the other, the start of the APP
//! CPU, cache control, peripheral clock gates and resets. What these registers switch lies outside of the block, so a write
//! only leaves [`DportEffect`]s for the wiring.

use espalier_core::{Device, Fidelity, Field, Frequency, Register, Registers, Time, Unmodelled};

use crate::Cpu;
use crate::clocks::{RC_FAST, SlowClock, XTAL};

espalier_core::registers! {
    PRO_BOOT_REMAP_CTRL @ 0x000 = 0, rw_bits(0x1) { PRO_BOOT_REMAP: 0 };
    APP_BOOT_REMAP_CTRL @ 0x004 = 0, rw_bits(0x1) { APP_BOOT_REMAP: 0 };
    ACCESS_CHECK @ 0x008 = 0, ro() { PRO: 0, APP: 8 };
    PRO_DPORT_APB_MASK0 @ 0x00C = 0, rw();
    PRO_DPORT_APB_MASK1 @ 0x010 = 0, rw();
    APP_DPORT_APB_MASK0 @ 0x014 = 0, rw();
    APP_DPORT_APB_MASK1 @ 0x018 = 0, rw();
    PERI_CLK_EN @ 0x01C = 0, rw_bits(0x1F) { CRYPTO_AES_CLK_EN: 0, CRYPTO_SHA_CLK_EN: 1, CRYPTO_RSA_CLK_EN: 2 };
    PERI_RST_EN @ 0x020 = 0, rw_bits(0x1F) { CRYPTO_AES_RST: 0, CRYPTO_SHA_RST: 1, CRYPTO_RSA_RST: 2 };
    WIFI_BB_CFG @ 0x024 = 0, rw();
    WIFI_BB_CFG_2 @ 0x028 = 0, rw();
    APPCPU_CTRL_A @ 0x02C = 1, rw_bits(1) { APPCPU_RESETTING: 0 };
    APPCPU_CTRL_B @ 0x030 = 0, rw_bits(1) { APPCPU_CLKGATE_EN: 0 };
    APPCPU_CTRL_C @ 0x034 = 0, rw_bits(1) { APPCPU_RUNSTALL: 0 };
    APPCPU_CTRL_D @ 0x038 = 0, rw();
    CPU_PER_CONF @ 0x03C = 0, rw_bits(0xF) { CPUPERIOD_SEL: 0..=1, LOWSPEED_CLK_SEL: 2, FAST_CLK_RTC_SEL: 3 };
    PRO_CACHE_CTRL @ 0x040 = 0x10, rw_bits(0x1_0FDC) {
        PRO_CACHE_MODE: 2, PRO_CACHE_ENABLE: 3, PRO_CACHE_FLUSH_ENA: 4, PRO_CACHE_FLUSH_DONE: 5,
        PRO_CACHE_LOCK_0_EN: 6, PRO_CACHE_LOCK_1_EN: 7, PRO_CACHE_LOCK_2_EN: 8, PRO_CACHE_LOCK_3_EN: 9,
        PRO_SINGLE_IRAM_ENA: 10, PRO_DRAM_SPLIT: 11, PRO_AHB_SPI_REQ: 12, PRO_SLAVE_REQ: 13, AHB_SPI_REQ: 14,
        SLAVE_REQ: 15, PRO_DRAM_HL: 16,
    };
    PRO_CACHE_CTRL1 @ 0x044 = 0x8FF, rw_bits(0x3FFF) {
        PRO_CACHE_MASK_IRAM0: 0, PRO_CACHE_MASK_IRAM1: 1, PRO_CACHE_MASK_IROM0: 2, PRO_CACHE_MASK_DRAM1: 3,
        PRO_CACHE_MASK_DROM0: 4, PRO_CACHE_MASK_OPSDRAM: 5, PRO_CMMU_SRAM_PAGE_MODE: 6..=8,
        PRO_CMMU_FLASH_PAGE_MODE: 9..=10, PRO_CMMU_FORCE_ON: 11, PRO_CMMU_PD: 12, PRO_CACHE_MMU_IA_CLR: 13,
    };
    PRO_CACHE_LOCK_ADDR[4] @ 0x048 = 0, rw_bits(0x3F_FFFF) { PRE: 0..=13, MIN: 14..=17, MAX: 18..=21 };
    APP_CACHE_CTRL @ 0x058 = 0x10, rw_bits(0x4FDC) {
        APP_CACHE_MODE: 2, APP_CACHE_ENABLE: 3, APP_CACHE_FLUSH_ENA: 4, APP_CACHE_FLUSH_DONE: 5,
        APP_CACHE_LOCK_0_EN: 6, APP_CACHE_LOCK_1_EN: 7, APP_CACHE_LOCK_2_EN: 8, APP_CACHE_LOCK_3_EN: 9,
        APP_SINGLE_IRAM_ENA: 10, APP_DRAM_SPLIT: 11, APP_AHB_SPI_REQ: 12, APP_SLAVE_REQ: 13, APP_DRAM_HL: 14,
    };
    APP_CACHE_CTRL1 @ 0x05C = 0x8FF, rw_bits(0x3FFF) {
        APP_CACHE_MASK_IRAM0: 0, APP_CACHE_MASK_IRAM1: 1, APP_CACHE_MASK_IROM0: 2, APP_CACHE_MASK_DRAM1: 3,
        APP_CACHE_MASK_DROM0: 4, APP_CACHE_MASK_OPSDRAM: 5, APP_CMMU_SRAM_PAGE_MODE: 6..=8,
        APP_CMMU_FLASH_PAGE_MODE: 9..=10, APP_CMMU_FORCE_ON: 11, APP_CMMU_PD: 12, APP_CACHE_MMU_IA_CLR: 13,
    };
    APP_CACHE_LOCK_ADDR[4] @ 0x060 = 0, rw_bits(0x3F_FFFF);
    TRACEMEM_MUX_MODE @ 0x070 = 0, rw_bits(0x3) { TRACEMEM_MUX_MODE: 0..=1 };
    PRO_TRACEMEM_ENA @ 0x074 = 0, rw_bits(0x1) { PRO_TRACEMEM_ENA: 0 };
    APP_TRACEMEM_ENA @ 0x078 = 0, rw_bits(0x1) { APP_TRACEMEM_ENA: 0 };
    CACHE_MUX_MODE @ 0x07C = 0, rw_bits(0x3) { CACHE_MUX_MODE: 0..=1 };
    IMMU_PAGE_MODE @ 0x080 = 0, rw_bits(0x7) { INTERNAL_SRAM_IMMU_ENA: 0, IMMU_PAGE_MODE: 1..=2 };
    DMMU_PAGE_MODE @ 0x084 = 0, rw_bits(0x7) { INTERNAL_SRAM_DMMU_ENA: 0, DMMU_PAGE_MODE: 1..=2 };
    ROM_MPU_ENA @ 0x088 = 0, rw_bits(0x7) { SHARE_ROM_MPU_ENA: 0, PRO_ROM_MPU_ENA: 1, APP_ROM_MPU_ENA: 2 };
    MEM_PD_MASK @ 0x08C = 1, rw_bits(0x1) { LSLP_MEM_PD_MASK: 0 };
    ROM_PD_CTRL @ 0x090 = 0, rw_bits(0xFF) { PRO_ROM_PD: 0, APP_ROM_PD: 1, SHARE_ROM_PD: 2..=7 };
    ROM_FO_CTRL @ 0x094 = 3, rw_bits(0xFF) { PRO_ROM_FO: 0, APP_ROM_FO: 1, SHARE_ROM_FO: 2..=7 };
    SRAM_PD_CTRL_0 @ 0x098 = 0, rw();
    SRAM_PD_CTRL_1 @ 0x09C = 0, rw_bits(0x1) { SRAM_PD_1: 0 };
    SRAM_FO_CTRL_0 @ 0x0A0 = 0xFFFF_FFFF, rw();
    SRAM_FO_CTRL_1 @ 0x0A4 = 1, rw_bits(0x1) { SRAM_FO_1: 0 };
    IRAM_DRAM_AHB_SEL @ 0x0A8 = 0, rw_bits(0x7F) {
        MASK_PRO_IRAM: 0, MASK_APP_IRAM: 1, MASK_PRO_DRAM: 2, MASK_APP_DRAM: 3, MASK_AHB: 4, MAC_DUMP_MODE: 5..=6,
    };
    TAG_FO_CTRL @ 0x0AC = 0x101, rw_bits(0x303) {
        PRO_CACHE_TAG_FORCE_ON: 0, PRO_CACHE_TAG_PD: 1, APP_CACHE_TAG_FORCE_ON: 8, APP_CACHE_TAG_PD: 9,
    };
    AHB_LITE_MASK @ 0x0B0 = 0, rw_bits(0x3F11) {
        PRO: 0, APP: 4, SDIO: 8, PRODPORT: 9, APPDPORT: 10, AHB_LITE_SDHOST_PID: 11..=13,
    };
    AHB_MPU_TABLE_0 @ 0x0B4 = 0xFFFF_FFFF, rw();
    AHB_MPU_TABLE_1 @ 0x0B8 = 0x1FF, rw_bits(0x1FF) { AHB_ACCESS_GRANT_1: 0..=8 };
    HOST_INF_SEL @ 0x0BC = 0, rw_bits(0xFFFF) { PERI_IO_SWAP: 0..=7, LINK_DEVICE_SEL: 8..=15 };
    PERIP_CLK_EN @ 0x0C0 = 0xF9C1_E06F, rw() {
        TIMERS_CLK_EN: 0, SPI01_CLK_EN: 1, UART_CLK_EN: 2, WDG_CLK_EN: 3, I2S0_CLK_EN: 4, UART1_CLK_EN: 5,
        SPI2_CLK_EN: 6, I2C_EXT0_CLK_EN: 7, UHCI0_CLK_EN: 8, RMT_CLK_EN: 9, PCNT_CLK_EN: 10, LEDC_CLK_EN: 11,
        UHCI1_CLK_EN: 12, TIMERGROUP_CLK_EN: 13, EFUSE_CLK_EN: 14, TIMERGROUP1_CLK_EN: 15, SPI3_CLK_EN: 16,
        PWM0_CLK_EN: 17, I2C_EXT1_CLK_EN: 18, TWAI_CLK_EN: 19, PWM1_CLK_EN: 20, I2S1_CLK_EN: 21, SPI_DMA_CLK_EN: 22,
        UART2_CLK_EN: 23, UART_MEM_CLK_EN: 24, PWM2_CLK_EN: 25, PWM3_CLK_EN: 26,
    };
    PERIP_RST_EN @ 0x0C4 = 0, rw() {
        TIMERS_RST: 0, SPI01_RST: 1, UART_RST: 2, WDG_RST: 3, I2S0_RST: 4, UART1_RST: 5, SPI2_RST: 6, I2C_EXT0_RST: 7,
        UHCI0_RST: 8, RMT_RST: 9, PCNT_RST: 10, LEDC_RST: 11, UHCI1_RST: 12, TIMERGROUP_RST: 13, EFUSE_RST: 14,
        TIMERGROUP1_RST: 15, SPI3_RST: 16, PWM0_RST: 17, I2C_EXT1_RST: 18, TWAI_RST: 19, PWM1_RST: 20, I2S1_RST: 21,
        SPI_DMA_RST: 22, UART2_RST: 23, UART_MEM_RST: 24, PWM2_RST: 25, PWM3_RST: 26,
    };
    SLAVE_SPI_CONFIG @ 0x0C8 = 0, rw_bits(0x1111) {
        SLAVE_SPI_MASK_PRO: 0, SLAVE_SPI_MASK_APP: 4, SPI_ENCRYPT_ENABLE: 8, SPI_DECRYPT_ENABLE: 12,
    };
    WIFI_CLK_EN @ 0x0CC = 0xFFFC_E030, rw();
    CORE_RST_EN @ 0x0D0 = 0, rw();
    BT_LPCK_DIV_INT @ 0x0D4 = 0xFF, rw_bits(0x1FFF) { BT_LPCK_DIV_NUM: 0..=11, BTEXTWAKEUP_REQ: 12 };
    BT_LPCK_DIV_FRAC @ 0x0D8 = 0x0200_1001, rw_bits(0xFFF_FFFF) {
        BT_LPCK_DIV_B: 0..=11, BT_LPCK_DIV_A: 12..=23, LPCLK_SEL_RTC_SLOW: 24, LPCLK_SEL_8M: 25, LPCLK_SEL_XTAL: 26,
        LPCLK_SEL_XTAL32K: 27,
    };
    CPU_INTR_FROM_CPU[4] @ 0x0DC = 0, rw_bits(1) { CPU_INTR: 0 };
    PRO_INTR_STATUS[3] @ 0x0EC = 0, ro();
    APP_INTR_STATUS[3] @ 0x0F8 = 0, ro();
    PRO_INTR_MAP[69] @ 0x104 = 16, rw_bits(0x1F) { MAP: 0..=4 };
    APP_INTR_MAP[69] @ 0x218 = 16, rw_bits(0x1F) { MAP: 0..=4 };
    AHBLITE_MPU_TABLE[47] @ 0x32C = 0, rw_bits(0x3F);
    MEM_ACCESS_DBUG0 @ 0x3E8 = 0, ro() {
        PRO_ROM_MPU_AD: 0, PRO_ROM_IA: 1, APP_ROM_MPU_AD: 2, APP_ROM_IA: 3, SHARE_ROM_MPU_AD: 4..=5,
        SHARE_ROM_IA: 6..=9, INTERNAL_SRAM_MMU_AD: 10..=13, INTERNAL_SRAM_IA: 14..=25,
        INTERNAL_SRAM_MMU_MULTI_HIT: 26..=29,
    };
    MEM_ACCESS_DBUG1 @ 0x3EC = 0, ro() {
        INTERNAL_SRAM_MMU_MISS: 0..=3, ARB_IA: 4..=5, PIDGEN_IA: 6..=7, AHB_ACCESS_DENY: 8, AHBLITE_ACCESS_DENY: 9,
        AHBLITE_IA: 10,
    };
    PRO_DCACHE_DBUG0 @ 0x3F0 = 0x80, rw_bits(1);
    PRO_DCACHE_DBUG[9] @ 0x3F4 = 0, ro();
    APP_DCACHE_DBUG0 @ 0x418 = 0x80, rw_bits(1);
    APP_DCACHE_DBUG[9] @ 0x41C = 0, ro();
    PRO_CPU_RECORD_CTRL @ 0x440 = 0x100, rw_bits(0x111) {
        PRO_CPU_RECORD_ENABLE: 0, PRO_CPU_RECORD_DISABLE: 4, PRO_CPU_PDEBUG_ENABLE: 8,
    };
    PRO_CPU_RECORD[9] @ 0x444 = 0, ro();
    APP_CPU_RECORD_CTRL @ 0x468 = 0x100, rw_bits(0x111) {
        APP_CPU_RECORD_ENABLE: 0, APP_CPU_RECORD_DISABLE: 4, APP_CPU_PDEBUG_ENABLE: 8,
    };
    APP_CPU_RECORD[9] @ 0x46C = 0, ro();
    RSA_PD_CTRL @ 0x490 = 0, rw_bits(0x1) { RSA_PD: 0 };
    ROM_MPU_TABLE[4] @ 0x494 = 1, rw_bits(0x3);
    SHROM_MPU_TABLE[24] @ 0x4A4 = 1, rw_bits(0x3);
    IMMU_TABLE[16] @ 0x504 = 0, rw_bits(0x7F);
    DMMU_TABLE[16] @ 0x544 = 0, rw_bits(0x7F);
    PRO_INTRUSION_CTRL @ 0x584 = 1, rw_bits(0x1) { PRO_INTRUSION_RECORD_RESET_N: 0 };
    PRO_INTRUSION_STATUS @ 0x588 = 0, ro() { PRO_INTRUSION_RECORD: 0..=3 };
    APP_INTRUSION_CTRL @ 0x58C = 1, rw_bits(0x1) { APP_INTRUSION_RECORD_RESET_N: 0 };
    APP_INTRUSION_STATUS @ 0x590 = 0, ro() { APP_INTRUSION_RECORD: 0..=3 };
    FRONT_END_MEM_PD @ 0x594 = 5, rw_bits(0xF) {
        AGC_MEM_FORCE_PU: 0, AGC_MEM_FORCE_PD: 1, PBUS_MEM_FORCE_PU: 2, PBUS_MEM_FORCE_PD: 3,
    };
    MMU_IA_INT_EN @ 0x598 = 0, rw_bits(0xFF_FFFF) { MMU_IA_INT_EN: 0..=23 };
    MPU_IA_INT_EN @ 0x59C = 0, rw_bits(0x1_FFFF) { MPU_IA_INT_EN: 0..=16 };
    CACHE_IA_INT_EN @ 0x5A0 = 0, rw_bits(0xFFF_FFFF);
    SECURE_BOOT_CTRL @ 0x5A4 = 0, rw_bits(0x1) { SW_BOOTLOADER_SEL: 0 };
    SPI_DMA_CHAN_SEL @ 0x5A8 = 0, rw_bits(0x3F) {
        SPI1_DMA_CHAN_SEL: 0..=1, SPI2_DMA_CHAN_SEL: 2..=3, SPI3_DMA_CHAN_SEL: 4..=5,
    };
    PRO_VECBASE_CTRL @ 0x5AC = 0, rw_bits(0x3) { PRO_OUT_VECBASE_SEL: 0..=1 };
    PRO_VECBASE_SET @ 0x5B0 = 0, rw_bits(0x3F_FFFF) { PRO_OUT_VECBASE: 0..=21 };
    APP_VECBASE_CTRL @ 0x5B4 = 0, rw_bits(0x3) { APP_OUT_VECBASE_SEL: 0..=1 };
    APP_VECBASE_SET @ 0x5B8 = 0, rw_bits(0x3F_FFFF) { APP_OUT_VECBASE: 0..=21 };
    DATE @ 0xFFC = 0x0160_5190, rw();
}

/// Interrupt sources of the matrix (TRM table "PRO_CPU, APP_CPU Interrupt Configuration").
pub const INTERRUPT_SOURCES: usize = 69;
/// The source of CPU_INTR_FROM_CPU_0; the other three follow.
pub const FROM_CPU_SOURCE: usize = 24;
const FROM_CPU_COUNT: u32 = 4;

/// The fields of a core's cache control that have an effect here.
struct CacheControl {
    enable: Field,
    flush: Field,
    flushed: Field,
    split: Field,
    halves: Field,
    ram_masked: Field,
    ram_page_mode: Field,
}

const CACHE_CONTROL: [CacheControl; 2] = [
    CacheControl {
        enable: reg::PRO_CACHE_CTRL::PRO_CACHE_ENABLE,
        flush: reg::PRO_CACHE_CTRL::PRO_CACHE_FLUSH_ENA,
        flushed: reg::PRO_CACHE_CTRL::PRO_CACHE_FLUSH_DONE,
        split: reg::PRO_CACHE_CTRL::PRO_DRAM_SPLIT,
        halves: reg::PRO_CACHE_CTRL::PRO_DRAM_HL,
        ram_masked: reg::PRO_CACHE_CTRL1::PRO_CACHE_MASK_OPSDRAM,
        ram_page_mode: reg::PRO_CACHE_CTRL1::PRO_CMMU_SRAM_PAGE_MODE,
    },
    CacheControl {
        enable: reg::APP_CACHE_CTRL::APP_CACHE_ENABLE,
        flush: reg::APP_CACHE_CTRL::APP_CACHE_FLUSH_ENA,
        flushed: reg::APP_CACHE_CTRL::APP_CACHE_FLUSH_DONE,
        split: reg::APP_CACHE_CTRL::APP_DRAM_SPLIT,
        halves: reg::APP_CACHE_CTRL::APP_DRAM_HL,
        ram_masked: reg::APP_CACHE_CTRL1::APP_CACHE_MASK_OPSDRAM,
        ram_page_mode: reg::APP_CACHE_CTRL1::APP_CMMU_SRAM_PAGE_MODE,
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DportEffect {
    /// The interrupt matrix or an interrupt from a CPU changed.
    Interrupts,
    /// Reset, clock gate or stall of the APP CPU changed; see [`Dport::app_cpu`].
    AppCpu,
    /// The APP CPU was let out of reset: it starts at its reset vector.
    AppCpuStart,
    /// A core's flash cache was emptied.
    CacheFlush(Cpu),
    /// The control of a core's cache changed; see [`Dport::external_ram`].
    CacheControl,
    /// The encryption or the decryption of flash was switched; see [`Dport::encrypts_flash`] and [`Dport::decrypts_flash`].
    FlashEncryption,
    /// The CPU clock selection changed; see [`Dport::cpu_period`].
    CpuClock,
    /// These bits of PERIP_RST_EN have gone from 0 to 1.
    PeripheralReset(u32),
    /// These bits of PERI_RST_EN (AES, SHA, RSA and others) have gone from 0 to 1.
    CryptoReset(u32),
    /// These bits of CORE_RST_EN (Wi-Fi, Bluetooth, SDIO, EMAC) have gone from 0 to 1.
    CoreReset(u32),
}

espalier_core::persist! {
    enum DportEffect {
        Interrupts, AppCpu, AppCpuStart, CacheFlush(value), CacheControl, FlashEncryption, CpuClock, PeripheralReset(value), CryptoReset(value),
        CoreReset(value)
    }
}

/// The cache through which a core reaches external RAM (TRM "System and Memory", section "Cache", figure of the modes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RamSharing {
    /// Its own one.
    #[default]
    Own,
    /// The one of the PRO CPU in the lower half of the addresses, that of the APP CPU in the upper one: DRAM_HL.
    Halves,
    /// The one of the PRO CPU for the even lines of 32 bytes, that of the APP CPU for the odd ones: DRAM_SPLIT.
    Lines,
}

/// The controls of a core's cache over external RAM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExternalRamControl {
    /// CACHE_MASK_OPSDRAM is clear: the cache serves these addresses.
    pub open: bool,
    pub sharing: RamSharing,
    /// CMMU_SRAM_PAGE_MODE: 0 for pages of 32 KiB, and half as much with each step to 4.
    pub page_mode: u32,
}

espalier_core::persist! {
    enum RamSharing { Own, Halves, Lines }
    value ExternalRamControl { open, sharing, page_mode }
}

/// The controls of DPORT over the APP CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppCpuControl {
    /// APPCPU_RESETTING: held in reset.
    pub in_reset: bool,
    /// APPCPU_CLKGATE_EN: has a clock.
    pub clocked: bool,
    /// APPCPU_RUNSTALL: clocked but not executing.
    pub stalled: bool,
}

/// The DPORT register block.
#[derive(Clone, Debug)]
pub struct Dport {
    registers: Registers,
    /// Levels of the sources, as each core's half of the matrix sees them.
    sources: [u128; 2],
    effects: Vec<DportEffect>,
}

espalier_core::persist!(state Dport { registers, sources, effects });

impl Default for Dport {
    fn default() -> Dport {
        Dport { registers: Registers::new(&REGISTERS), sources: [0; 2], effects: Vec::new() }
    }
}

impl Dport {
    /// Takes the oldest effect that has not been taken.
    pub fn take_effect(&mut self) -> Option<DportEffect> {
        (!self.effects.is_empty()).then(|| self.effects.remove(0))
    }

    /// Returns the controls over the APP CPU.
    pub fn app_cpu(&self) -> AppCpuControl {
        AppCpuControl {
            in_reset: self.registers.is_set(reg::APPCPU_CTRL_A::APPCPU_RESETTING),
            clocked: self.registers.is_set(reg::APPCPU_CTRL_B::APPCPU_CLKGATE_EN),
            stalled: self.registers.is_set(reg::APPCPU_CTRL_C::APPCPU_RUNSTALL),
        }
    }

    /// CPUPERIOD_SEL: 0 is 80 MHz, 1 is 160 MHz and 2 is 240 MHz while the PLL drives the CPU.
    pub fn cpu_period(&self) -> u32 {
        self.registers.field(reg::CPU_PER_CONF::CPUPERIOD_SEL)
    }

    /// The clock that counts while Bluetooth sleeps: what BT_LPCK_DIV_FRAC selects behind the divider of BT_LPCK_DIV_INT, without
    /// its fraction. `slow` is the RTC slow clock.
    pub fn bluetooth_low_power_clock(&self, slow: SlowClock) -> Frequency {
        use reg::BT_LPCK_DIV_FRAC::{LPCLK_SEL_8M, LPCLK_SEL_XTAL, LPCLK_SEL_XTAL32K};
        let source = match () {
            () if self.registers.is_set(LPCLK_SEL_XTAL32K) => SlowClock::Xtal32k.frequency(),
            () if self.registers.is_set(LPCLK_SEL_XTAL) => XTAL,
            () if self.registers.is_set(LPCLK_SEL_8M) => RC_FAST,
            () => slow.frequency(),
        };
        source.divided_by(u64::from(self.registers.field(reg::BT_LPCK_DIV_INT::BT_LPCK_DIV_NUM)) + 1)
    }

    /// SPI_ENCRYPT_ENABLE: what SPI1 programs comes from the encryption block.
    pub fn encrypts_flash(&self) -> bool {
        self.registers.is_set(reg::SLAVE_SPI_CONFIG::SPI_ENCRYPT_ENABLE)
    }

    /// SPI_DECRYPT_ENABLE: the caches decrypt flash in the download mode, too.
    pub fn decrypts_flash(&self) -> bool {
        self.registers.is_set(reg::SLAVE_SPI_CONFIG::SPI_DECRYPT_ENABLE)
    }

    /// True if the flash cache of `core` is switched on.
    pub fn cache_enabled(&self, core: usize) -> bool {
        self.registers.is_set(CACHE_CONTROL[core].enable)
    }

    /// Returns how the cache of `core` shows external RAM.
    pub fn external_ram(&self, core: usize) -> ExternalRamControl {
        let control = &CACHE_CONTROL[core];
        let sharing = match () {
            () if self.registers.is_set(control.halves) => RamSharing::Halves,
            () if self.registers.is_set(control.split) => RamSharing::Lines,
            () => RamSharing::Own,
        };
        let page_mode = self.registers.field(control.ram_page_mode);
        ExternalRamControl { open: !self.registers.is_set(control.ram_masked), sharing, page_mode }
    }

    /// Sets the level of an interrupt source for both cores. Returns true if it changed.
    pub fn set_source(&mut self, source: usize, level: bool) -> bool {
        // Both halves have to be set, so this is not a short-circuiting "or".
        self.set_source_of_core(0, source, level) | self.set_source_of_core(1, source, level)
    }

    /// Sets the level of a source that each core has for itself, such as GPIO_INTERRUPT. Returns true if it changed.
    pub fn set_source_of_core(&mut self, core: usize, source: usize, level: bool) -> bool {
        let before = self.sources[core];
        if level {
            self.sources[core] |= 1 << source;
        } else {
            self.sources[core] &= !(1 << source);
        }
        self.sources[core] != before
    }

    /// The levels of the 32 interrupt inputs of `core`, as the matrix routes them.
    pub fn interrupt_lines(&self, core: usize) -> u32 {
        let map = if core == 0 { reg::PRO_INTR_MAP } else { reg::APP_INTR_MAP };
        let mut remaining = self.sources[core];
        let mut lines = 0;
        while remaining != 0 {
            let source = remaining.trailing_zeros();
            remaining &= remaining - 1;
            lines |= 1 << self.registers.get(map + 4 * source);
        }
        lines
    }

    fn status(&self, core: usize, word: u32) -> u32 {
        (self.sources[core] >> (32 * word)) as u32
    }

    fn cache_control(&mut self, cpu: Cpu, before: u32, after: u32) {
        let control = &CACHE_CONTROL[cpu as usize];
        if (before ^ after) & (control.split.mask() | control.halves.mask()) != 0 {
            self.effects.push(DportEffect::CacheControl);
        }
        if !self.registers.is_set(control.flush) {
            self.registers.set_field(control.flushed, 0);
        } else if !control.flush.is_set(before) {
            self.registers.set_field(control.flushed, 1);
            self.effects.push(DportEffect::CacheFlush(cpu));
        }
    }
}

impl Device for Dport {
    fn registers(&self) -> &'static [Register] {
        &REGISTERS
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Partial(
            "memory protection units, trace memory and cache statistics are plain storage; caches are as large as what they show and never hold \
             stale lines; only the first fetch of code takes time",
        )
    }

    fn read(&mut self, offset: u32, _now: Time) -> Result<u32, Unmodelled> {
        match offset {
            reg::PRO_INTR_STATUS..reg::APP_INTR_STATUS => Ok(self.status(0, (offset - reg::PRO_INTR_STATUS) / 4)),
            reg::APP_INTR_STATUS..reg::PRO_INTR_MAP => Ok(self.status(1, (offset - reg::APP_INTR_STATUS) / 4)),
            _ => self.registers.read(offset),
        }
    }

    fn write(&mut self, offset: u32, value: u32, _now: Time) -> Result<(), Unmodelled> {
        let before = self.registers.read(offset)?;
        let after = self.registers.write(offset, value)?;
        match offset {
            reg::PERI_RST_EN if after & !before != 0 => self.effects.push(DportEffect::CryptoReset(after & !before)),
            reg::CORE_RST_EN if after & !before != 0 => self.effects.push(DportEffect::CoreReset(after & !before)),
            reg::PERIP_RST_EN if after & !before != 0 => {
                self.effects.push(DportEffect::PeripheralReset(after & !before));
            }
            reg::APPCPU_CTRL_A | reg::APPCPU_CTRL_B | reg::APPCPU_CTRL_C if after != before => {
                if offset == reg::APPCPU_CTRL_A && after == 0 {
                    self.effects.push(DportEffect::AppCpuStart);
                }
                self.effects.push(DportEffect::AppCpu);
            }
            reg::SLAVE_SPI_CONFIG if after != before => self.effects.push(DportEffect::FlashEncryption),
            reg::CPU_PER_CONF if after != before => self.effects.push(DportEffect::CpuClock),
            reg::PRO_CACHE_CTRL => self.cache_control(Cpu::Pro, before, after),
            reg::APP_CACHE_CTRL => self.cache_control(Cpu::App, before, after),
            reg::PRO_CACHE_CTRL1 | reg::APP_CACHE_CTRL1 if after != before => {
                self.effects.push(DportEffect::CacheControl);
            }
            reg::CPU_INTR_FROM_CPU..reg::PRO_INTR_STATUS => {
                let index = (offset - reg::CPU_INTR_FROM_CPU) / 4;
                debug_assert!(index < FROM_CPU_COUNT);
                if self.set_source(FROM_CPU_SOURCE + index as usize, reg::CPU_INTR_FROM_CPU::CPU_INTR.is_set(after)) {
                    self.effects.push(DportEffect::Interrupts);
                }
            }
            reg::PRO_INTR_MAP..reg::AHBLITE_MPU_TABLE if after != before => {
                self.effects.push(DportEffect::Interrupts);
            }
            _ => {}
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.registers.reset();
        let from_cpu = ((1 << FROM_CPU_COUNT) - 1) << FROM_CPU_SOURCE;
        self.sources.iter_mut().for_each(|sources| *sources &= !from_cpu);
        self.effects.push(DportEffect::Interrupts);
        self.effects.push(DportEffect::AppCpu);
    }
}

#[cfg(test)]
mod tests {
    use super::reg::APP_CACHE_CTRL::APP_DRAM_SPLIT;
    use super::reg::APP_CACHE_CTRL1::APP_CMMU_SRAM_PAGE_MODE;
    use super::reg::BT_LPCK_DIV_FRAC::{LPCLK_SEL_XTAL, LPCLK_SEL_XTAL32K};
    use super::reg::PRO_CACHE_CTRL::{PRO_CACHE_FLUSH_DONE, PRO_CACHE_FLUSH_ENA, PRO_DRAM_HL};
    use super::{AppCpuControl, Dport, DportEffect, ExternalRamControl, RamSharing, reg};
    use crate::clocks::{RC_FAST, SlowClock};
    use espalier_core::{Device, Frequency, Time};

    fn write(dport: &mut Dport, offset: u32, value: u32) {
        dport.write(offset, value, Time::ZERO).unwrap();
    }

    #[test]
    fn a_source_reaches_the_input_that_each_core_maps_it_to() {
        let uart0 = 34;
        let mut dport = Dport::default();
        write(&mut dport, reg::PRO_INTR_MAP + 4 * uart0, 5);
        assert_eq!(dport.take_effect(), Some(DportEffect::Interrupts));
        assert_eq!(dport.interrupt_lines(0), 0);
        assert!(dport.set_source(uart0 as usize, true));
        assert_eq!(dport.interrupt_lines(0), 1 << 5);
        // Sources start on input 16, an internal timer that has no external line (TRM "Interrupt Matrix").
        assert_eq!(dport.interrupt_lines(1), 1 << 16);
        assert_eq!(dport.read(reg::PRO_INTR_STATUS + 4, Time::ZERO), Ok(1 << (uart0 - 32)));
    }

    #[test]
    fn one_core_interrupts_the_other() {
        let mut dport = Dport::default();
        write(&mut dport, reg::APP_INTR_MAP + 4 * (super::FROM_CPU_SOURCE as u32 + 1), 2);
        write(&mut dport, reg::CPU_INTR_FROM_CPU + 4, 1);
        assert_eq!(dport.interrupt_lines(1) & (1 << 2), 1 << 2);
        write(&mut dport, reg::CPU_INTR_FROM_CPU + 4, 0);
        assert_eq!(dport.interrupt_lines(1), 0);
    }

    #[test]
    fn the_app_cpu_starts_in_reset_and_is_let_go() {
        let mut dport = Dport::default();
        assert_eq!(dport.app_cpu(), AppCpuControl { in_reset: true, clocked: false, stalled: false });
        write(&mut dport, reg::APPCPU_CTRL_B, 1);
        write(&mut dport, reg::APPCPU_CTRL_A, 0);
        assert_eq!(dport.app_cpu(), AppCpuControl { in_reset: false, clocked: true, stalled: false });
        let effects: Vec<_> = std::iter::from_fn(|| dport.take_effect()).collect();
        assert_eq!(effects, [DportEffect::AppCpu, DportEffect::AppCpuStart, DportEffect::AppCpu]);
    }

    #[test]
    fn a_cache_flush_is_done_until_it_is_taken_back() {
        let mut dport = Dport::default();
        write(&mut dport, reg::PRO_CACHE_CTRL, 0);
        write(&mut dport, reg::PRO_CACHE_CTRL, PRO_CACHE_FLUSH_ENA.mask());
        assert!(PRO_CACHE_FLUSH_DONE.is_set(dport.read(reg::PRO_CACHE_CTRL, Time::ZERO).unwrap()));
        assert_eq!(dport.take_effect(), Some(DportEffect::CacheFlush(crate::Cpu::Pro)));
        write(&mut dport, reg::PRO_CACHE_CTRL, 0);
        assert!(!PRO_CACHE_FLUSH_DONE.is_set(dport.read(reg::PRO_CACHE_CTRL, Time::ZERO).unwrap()));
    }

    #[test]
    fn external_ram_is_reached_as_the_cache_controls_say() {
        let mut dport = Dport::default();
        let at_reset = ExternalRamControl { page_mode: 3, ..ExternalRamControl::default() };
        assert_eq!([dport.external_ram(0), dport.external_ram(1)], [at_reset; 2]);
        write(&mut dport, reg::PRO_CACHE_CTRL1, 0);
        write(&mut dport, reg::APP_CACHE_CTRL1, APP_CMMU_SRAM_PAGE_MODE.put(2));
        write(&mut dport, reg::PRO_CACHE_CTRL, PRO_DRAM_HL.mask());
        write(&mut dport, reg::APP_CACHE_CTRL, APP_DRAM_SPLIT.mask());
        let effects: Vec<_> = std::iter::from_fn(|| dport.take_effect()).collect();
        assert_eq!(effects, [DportEffect::CacheControl; 4]);
        let pro = ExternalRamControl { open: true, sharing: RamSharing::Halves, page_mode: 0 };
        let app = ExternalRamControl { open: true, sharing: RamSharing::Lines, page_mode: 2 };
        assert_eq!([dport.external_ram(0), dport.external_ram(1)], [pro, app]);
    }

    #[test]
    fn a_peripheral_reset_is_an_edge() {
        let mut dport = Dport::default();
        write(&mut dport, reg::PERIP_RST_EN, 0x6);
        write(&mut dport, reg::PERIP_RST_EN, 0x6);
        write(&mut dport, reg::PERIP_RST_EN, 0);
        assert_eq!(dport.take_effect(), Some(DportEffect::PeripheralReset(6)));
        assert_eq!(dport.take_effect(), None);
        write(&mut dport, reg::CORE_RST_EN, 1 << 9);
        assert_eq!(dport.take_effect(), Some(DportEffect::CoreReset(1 << 9)));
    }

    #[test]
    fn the_low_power_clock_of_bluetooth_is_divided() {
        let mut dport = Dport::default();
        assert_eq!(dport.bluetooth_low_power_clock(SlowClock::Rc150k), RC_FAST.divided_by(256));
        write(&mut dport, reg::BT_LPCK_DIV_INT, 79);
        write(&mut dport, reg::BT_LPCK_DIV_FRAC, LPCLK_SEL_XTAL.mask());
        assert_eq!(dport.bluetooth_low_power_clock(SlowClock::Rc150k), Frequency::from_hertz(500_000));
        write(&mut dport, reg::BT_LPCK_DIV_INT, 0);
        write(&mut dport, reg::BT_LPCK_DIV_FRAC, LPCLK_SEL_XTAL32K.mask());
        assert_eq!(dport.bluetooth_low_power_clock(SlowClock::Rc150k), SlowClock::Xtal32k.frequency());
    }
}
