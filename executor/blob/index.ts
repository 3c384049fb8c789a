// Blobs of L1.
export {
  BLOB_BYTES,
  BLOB_DATA_BYTES,
  decodeBlobs,
  encodeBlobs,
} from "./blob.ts";
export {
  type BlobElement,
  type CommittedBlob,
  commitBlob,
  hashOfBlob,
  openBlobElement,
  proveBlobs,
  type SidecarForm,
} from "./kzg.ts";
