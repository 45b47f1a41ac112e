import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { Construct } from 'constructs';

import { ZIPS } from './parameters';

/** What `scripts/package` writes beside the zips. */
interface Manifest {
  readonly arch: string;
  readonly functions: Record<string, { readonly file: string; readonly sha256: string }>;
}

/** Where the functions' zips are. */
export abstract class Code {
  /** Zips in a folder of `scripts/package`, such as `target/package/arm64`. CDK uploads them. */
  static fromPackage(folder: string): Code {
    return new Packaged(folder);
  }

  /**
   * Zips that are in a bucket already, under the keys that `scripts/deploy` gives them. The folder
   * of `scripts/package` has the manifest that names them; the zips need not be there.
   */
  static fromBucket(bucket: string, folder: string): Code {
    return new Stored(bucket, folder);
  }

  /** @internal The digest of each function's zip. */
  readonly digests: Record<string, string>;
  protected readonly manifest: Manifest;

  protected constructor(protected readonly folder: string) {
    this.manifest = read(join(folder, 'manifest.json'));
    const functions = this.manifest.functions;
    for (const name of Object.keys(ZIPS)) {
      if (!functions[name]) {
        throw new Error(`${folder} has no zip of ${name}: run scripts/package`);
      }
    }
    for (const name of Object.keys(functions)) {
      if (!ZIPS[name]) {
        throw new Error(`${folder} has a zip of ${name}, which the template does not know`);
      }
    }
    this.digests = Object.fromEntries(
      Object.entries(functions).map(([name, made]) => [name, made.sha256]),
    );
  }

  /** @internal The template's parameters that name the zips. */
  bind(scope: Construct): Record<string, string> {
    const parameters: Record<string, string> = {
      Architecture: this.manifest.arch.replace('-', '_'),
    };
    for (const [name, parameter] of Object.entries(ZIPS)) {
      const { bucket, key } = this.place(scope, name);
      parameters.CodeBucket = bucket;
      parameters[parameter] = key;
    }
    return parameters;
  }

  /** @internal */
  protected abstract place(scope: Construct, name: string): { bucket: string; key: string };
}

class Packaged extends Code {
  constructor(folder: string) {
    super(folder);
    for (const [name, made] of Object.entries(this.manifest.functions)) {
      const path = join(folder, made.file);
      const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
      if (digest !== this.digests[name]) {
        throw new Error(`${path} is not what its manifest says: run scripts/package`);
      }
    }
  }

  protected place(scope: Construct, name: string) {
    const path = join(this.folder, this.manifest.functions[name]!.file);
    // The manifest's digest, so that the name of the asset is the one that was compared.
    const asset = new Asset(scope, `Zip-${name}`, { path, assetHash: this.digests[name]! });
    return { bucket: asset.s3BucketName, key: asset.s3ObjectKey };
  }
}

class Stored extends Code {
  constructor(
    private readonly bucket: string,
    folder: string,
  ) {
    super(folder);
  }

  protected place(_scope: Construct, name: string) {
    return { bucket: this.bucket, key: `a2a-lambda/${this.digests[name]}/${name}.zip` };
  }
}

function read(path: string): Manifest {
  if (!existsSync(path)) {
    throw new Error(`there is no ${path}: run scripts/package`);
  }
  return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
}
