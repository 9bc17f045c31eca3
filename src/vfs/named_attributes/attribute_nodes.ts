/** The folder of the named attributes of a file or folder, its bearer. */
export class AttributeFolder {
  /** The file system's own object. */
  readonly bearer: object;

  /** That of this file or folder. */
  constructor(bearer: object) {
    this.bearer = bearer;
  }
}

/** A named attribute: an extended attribute, seen as a file. */
export class NamedAttribute {
  readonly folder: AttributeFolder;
  readonly name: string;

  /** The one of this name, whether it is there or not. */
  constructor(folder: AttributeFolder, name: string) {
    this.folder = folder;
    this.name = name;
  }
}

/** Either of the two. */
export type AttributeNode = AttributeFolder | NamedAttribute;
