/**
 * Collection and key of the row by which a store tells who changed it last or
 * granted something in it: a server, by its name, or an import.
 */
export const LAST_SERVER = ["server", "last"] as const;
