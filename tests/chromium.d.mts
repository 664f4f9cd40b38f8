export declare function findChromium(): string | undefined
export declare function findOrInstallChromium(): string | undefined
export declare const NO_CHROMIUM: string
