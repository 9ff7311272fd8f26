// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Anchors the heads of transparency logs so that their past can no longer be changed unseen.
/// @notice A log is named by the SHA-256 of its origin. Its history here is a hash chain of two kinds of link: a signer
/// set and an anchor (size and RFC 6962 root of the log). Every link names the one before it and is authorised by a
/// quorum of the log's own signers; nobody else has any power over it: no owner, no upgrade, no pause.
/// @dev A link's hash is its EIP-712 struct hash and nothing of the block goes into it. The same transactions replayed on
/// an empty chain therefore end in the same head, and an auditor can recompute a head from the events alone.
///
/// A log id belongs to whoever creates it first. Creation needs a quorum of the signers that it names, so nobody can
/// create a log in another's name; a stranger can occupy an id with keys of its own, which is why a verifier pins the
/// chain, this contract and the first link (`prev` of the first anchor) and not the id alone.
contract AnchorRegistry {
    /// @dev `active` counts the signers of the current epoch that are not disabled. Below `threshold` the log is frozen.
    struct Log {
        uint64 size;
        uint64 links;
        uint32 epoch;
        uint8 threshold;
        uint8 active;
        bytes32 head;
    }

    /// @dev `epoch` is the last epoch whose set named this signer; `disabled` is for ever.
    struct Signer {
        uint32 epoch;
        bool disabled;
    }

    /// @dev One signer's signature over an anchor, whether it was ever sent here or not.
    struct SignedHead {
        uint32 epoch;
        bytes32 root;
        bytes32 prev;
        bytes signature;
    }

    /// @notice A signer set took effect. Epoch 1 is the creation of the log, its `prev` is zero.
    event SignersSet(
        bytes32 indexed logId, uint32 indexed epoch, uint8 threshold, address[] signers, bytes32 prev, bytes32 head
    );
    /// @notice The log's head of `size` leaves was anchored.
    event Anchored(
        bytes32 indexed logId, uint64 indexed size, uint32 epoch, bytes32 root, bytes32 prev, bytes32 head
    );
    /// @notice `signer` put its name to two different roots of one size and is disabled.
    event EquivocationProven(
        bytes32 indexed logId, address indexed signer, uint64 size, bytes32 rootA, bytes32 rootB
    );

    error LogExists(bytes32 logId);
    error UnknownLog(bytes32 logId);
    error WrongEpoch(uint32 expected, uint32 given);
    error SizeNotGreater(uint64 current, uint64 given);
    error BrokenLink(bytes32 expected, bytes32 given);
    error ZeroRoot();
    error SignerCountOutOfRange(uint256 count, uint256 most);
    error SignersNotAscending(uint256 index);
    error ThresholdOutOfRange(uint8 threshold, uint256 signers);
    error SignaturesMalformed(uint256 length);
    error TooFewSignatures(uint256 required, uint256 given);
    error SignatureInvalid(uint256 index);
    error SignaturesNotAscending(uint256 index);
    error NotASigner(address signer);
    error SignerDisabled(address signer);
    error NotEquivocation();

    bytes32 public constant ANCHOR_TYPEHASH =
        keccak256("Anchor(bytes32 logId,uint32 epoch,uint64 size,bytes32 root,bytes32 prev)");
    bytes32 public constant SIGNER_SET_TYPEHASH =
        keccak256("SignerSet(bytes32 logId,uint32 epoch,uint8 threshold,address[] signers,bytes32 prev)");
    /// @notice The most signers a set may have: it bounds the gas of a quorum.
    uint256 public constant MAX_SIGNERS = 32;

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    string private constant NAME = "Freehold AnchorRegistry";
    string private constant VERSION = "1";
    bytes32 private constant NAME_HASH = keccak256(bytes(NAME));
    bytes32 private constant VERSION_HASH = keccak256(bytes(VERSION));
    /// @dev Half of secp256k1's order: a signature with a larger s is the malleated twin of one with a smaller (EIP-2).
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    uint256 private constant SIGNATURE_BYTES = 65;

    mapping(bytes32 logId => Log) private _logs;
    mapping(bytes32 logId => mapping(address signer => Signer)) private _signers;
    mapping(bytes32 logId => mapping(uint64 size => bytes32)) private _roots;

    /// @notice Creates a log: its first link is its first signer set, authorised by a quorum of that very set.
    /// @param logId SHA-256 of the log's origin.
    /// @param threshold How many signers make a quorum, 1 to the number of signers.
    /// @param signers Strictly ascending, which also rules out duplicates and the zero address.
    /// @param signatures EIP-712 signatures over SignerSet(logId, 1, threshold, signers, 0): r, s, v of 65 bytes each,
    /// in ascending order of their signers.
    /// @return head Hash of the first link; the first anchor names it as `prev`.
    function createLog(bytes32 logId, uint8 threshold, address[] calldata signers, bytes calldata signatures)
        external
        returns (bytes32 head)
    {
        Log storage log = _logs[logId];
        if (log.epoch != 0) revert LogExists(logId);
        head = _signerSetHash(logId, 1, threshold, signers, 0);
        _enrol(log, logId, 1, threshold, signers);
        _requireQuorum(logId, 1, threshold, head, signatures);
        log.head = head;
        log.links = 1;
        emit SignersSet(logId, 1, threshold, signers, 0, head);
    }

    /// @notice Replaces the signer set; the quorum of the current one decides. The set's epoch is one higher.
    /// @param prev The current head; a signature over a set is thus good for one place in the history only.
    function changeSigners(
        bytes32 logId,
        uint8 threshold,
        address[] calldata signers,
        bytes32 prev,
        bytes calldata signatures
    ) external returns (bytes32 head) {
        Log storage log = _existing(logId);
        uint32 epoch = log.epoch;
        if (prev != log.head) revert BrokenLink(log.head, prev);
        head = _signerSetHash(logId, epoch + 1, threshold, signers, prev);
        _requireQuorum(logId, epoch, log.threshold, head, signatures);
        _enrol(log, logId, epoch + 1, threshold, signers);
        log.head = head;
        log.links += 1;
        emit SignersSet(logId, epoch + 1, threshold, signers, prev, head);
    }

    /// @notice Anchors a head of the log. Whoever sends it: the signatures are the authority.
    /// @param epoch The current epoch of the signer set.
    /// @param size Number of leaves; strictly more than anchored before.
    /// @param root RFC 6962 root over these leaves.
    /// @param prev Hash of the link before this one.
    /// @param signatures EIP-712 signatures over Anchor(logId, epoch, size, root, prev), as in `createLog`.
    /// @return head Hash of this link.
    function anchor(
        bytes32 logId,
        uint32 epoch,
        uint64 size,
        bytes32 root,
        bytes32 prev,
        bytes calldata signatures
    ) external returns (bytes32 head) {
        Log storage log = _existing(logId);
        if (epoch != log.epoch) revert WrongEpoch(log.epoch, epoch);
        if (size <= log.size) revert SizeNotGreater(log.size, size);
        if (prev != log.head) revert BrokenLink(log.head, prev);
        if (root == 0) revert ZeroRoot();
        head = _anchorHash(logId, epoch, size, root, prev);
        _requireQuorum(logId, epoch, log.threshold, head, signatures);
        log.size = size;
        log.links += 1;
        log.head = head;
        _roots[logId][size] = root;
        emit Anchored(logId, size, epoch, root, prev, head);
    }

    /// @notice Disables, for ever, a signer that signed two roots for one size of the log. Anybody may bring the proof;
    /// the heads need not have been anchored, and the signer may have left the set since. Too few signers left for a
    /// quorum freeze the log: what a quorum that lies would anchor next is worth nothing.
    function reportEquivocation(bytes32 logId, uint64 size, SignedHead calldata a, SignedHead calldata b)
        external
        returns (address signer)
    {
        Log storage log = _existing(logId);
        if (a.root == b.root) revert NotEquivocation();
        signer = _recoverHead(logId, size, a, 0);
        if (signer != _recoverHead(logId, size, b, 1)) revert NotEquivocation();
        Signer storage known = _signers[logId][signer];
        if (known.epoch == 0) revert NotASigner(signer);
        if (known.disabled) revert SignerDisabled(signer);
        known.disabled = true;
        if (known.epoch == log.epoch) log.active -= 1;
        emit EquivocationProven(logId, signer, size, a.root, b.root);
    }

    /// @notice The log's state; all zero for an unknown log. `frozen` when too few signers are left for a quorum.
    function logOf(bytes32 logId)
        external
        view
        returns (
            uint64 size,
            bytes32 root,
            bytes32 head,
            uint64 links,
            uint32 epoch,
            uint8 threshold,
            bool frozen
        )
    {
        Log storage log = _logs[logId];
        size = log.size;
        root = _roots[logId][size];
        head = log.head;
        links = log.links;
        epoch = log.epoch;
        threshold = log.threshold;
        frozen = log.active < threshold;
    }

    /// @notice The root that was anchored for exactly this size, or zero.
    function rootAt(bytes32 logId, uint64 size) external view returns (bytes32) {
        return _roots[logId][size];
    }

    /// @notice Whether `signer` counts towards a quorum now.
    function isSigner(bytes32 logId, address signer) external view returns (bool) {
        Signer storage known = _signers[logId][signer];
        return known.epoch != 0 && known.epoch == _logs[logId].epoch && !known.disabled;
    }

    /// @notice Whether `signer` was ever proven to equivocate on this log.
    function isDisabled(bytes32 logId, address signer) external view returns (bool) {
        return _signers[logId][signer].disabled;
    }

    /// @notice Verifies an inclusion proof (RFC 9162, 2.1.3.2) against the root anchored for `size`.
    /// @param leafHash SHA-256(0x00 || leaf), as RFC 6962 hashes leaves.
    /// @param path Sibling hashes from the leaf upwards.
    function verifyInclusion(bytes32 logId, uint64 size, uint64 index, bytes32 leafHash, bytes32[] calldata path)
        external
        view
        returns (bool)
    {
        bytes32 root = _roots[logId][size];
        if (root == 0 || index >= size) return false;
        uint64 node = index;
        uint64 last = size - 1;
        bytes32 hash = leafHash;
        for (uint256 i = 0; i < path.length; ++i) {
            if (last == 0) return false;
            if (node & 1 == 1 || node == last) {
                hash = sha256(abi.encodePacked(bytes1(0x01), path[i], hash));
                while (node & 1 == 0 && node != 0) {
                    node >>= 1;
                    last >>= 1;
                }
            } else {
                hash = sha256(abi.encodePacked(bytes1(0x01), hash, path[i]));
            }
            node >>= 1;
            last >>= 1;
        }
        return last == 0 && hash == root;
    }

    /// @notice The EIP-712 domain, so that any wallet or HSM can show what it signs (ERC-5267).
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        return (hex"0f", NAME, VERSION, block.chainid, address(this), 0, new uint256[](0));
    }

    function _existing(bytes32 logId) private view returns (Log storage log) {
        log = _logs[logId];
        if (log.epoch == 0) revert UnknownLog(logId);
    }

    function _enrol(Log storage log, bytes32 logId, uint32 epoch, uint8 threshold, address[] calldata signers)
        private
    {
        if (signers.length == 0 || signers.length > MAX_SIGNERS) {
            revert SignerCountOutOfRange(signers.length, MAX_SIGNERS);
        }
        if (threshold == 0 || threshold > signers.length) revert ThresholdOutOfRange(threshold, signers.length);
        address before = address(0);
        for (uint256 i = 0; i < signers.length; ++i) {
            address signer = signers[i];
            if (signer <= before) revert SignersNotAscending(i);
            before = signer;
            Signer storage known = _signers[logId][signer];
            if (known.disabled) revert SignerDisabled(signer);
            known.epoch = epoch;
        }
        log.epoch = epoch;
        log.threshold = threshold;
        log.active = uint8(signers.length);
    }

    /// @dev Every signature given must be good: one that is not is a sender's mistake and never just ignored.
    function _requireQuorum(
        bytes32 logId,
        uint32 epoch,
        uint8 threshold,
        bytes32 structHash,
        bytes calldata signatures
    ) private view {
        uint256 count = signatures.length / SIGNATURE_BYTES;
        if (count * SIGNATURE_BYTES != signatures.length) revert SignaturesMalformed(signatures.length);
        if (count < threshold) revert TooFewSignatures(threshold, count);
        bytes32 digest = _digest(structHash);
        address before = address(0);
        for (uint256 i = 0; i < count; ++i) {
            address signer = _recover(digest, signatures[i * SIGNATURE_BYTES:(i + 1) * SIGNATURE_BYTES], i);
            Signer storage known = _signers[logId][signer];
            if (known.epoch != epoch) revert NotASigner(signer);
            if (known.disabled) revert SignerDisabled(signer);
            if (signer <= before) revert SignaturesNotAscending(i);
            before = signer;
        }
    }

    function _recoverHead(bytes32 logId, uint64 size, SignedHead calldata head, uint256 index)
        private
        view
        returns (address)
    {
        if (head.signature.length != SIGNATURE_BYTES) revert SignaturesMalformed(head.signature.length);
        return _recover(_digest(_anchorHash(logId, head.epoch, size, head.root, head.prev)), head.signature, index);
    }

    function _recover(bytes32 digest, bytes calldata signature, uint256 index) private pure returns (address signer) {
        bytes32 r = bytes32(signature[:32]);
        bytes32 s = bytes32(signature[32:64]);
        uint8 v = uint8(signature[64]);
        if (uint256(s) > HALF_ORDER || (v != 27 && v != 28)) revert SignatureInvalid(index);
        signer = ecrecover(digest, v, r, s);
        if (signer == address(0)) revert SignatureInvalid(index);
    }

    function _anchorHash(bytes32 logId, uint32 epoch, uint64 size, bytes32 root, bytes32 prev)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(ANCHOR_TYPEHASH, logId, epoch, size, root, prev));
    }

    function _signerSetHash(bytes32 logId, uint32 epoch, uint8 threshold, address[] calldata signers, bytes32 prev)
        private
        pure
        returns (bytes32)
    {
        bytes32 members = keccak256(abi.encodePacked(signers));
        return keccak256(abi.encode(SIGNER_SET_TYPEHASH, logId, epoch, threshold, members, prev));
    }

    /// @dev The separator is computed anew, so that a signature does not carry over to a fork with another chain id.
    function _digest(bytes32 structHash) private view returns (bytes32) {
        bytes32 separator =
            keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, address(this)));
        return keccak256(abi.encodePacked(hex"1901", separator, structHash));
    }
}
