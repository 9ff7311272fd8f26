// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Anchors the heads of transparency logs so that their past can no longer be changed unseen.
/// @notice A log is named by the SHA-256 of its origin. Its history here is a hash chain of two kinds of link: a signer
/// set and an anchor (size and RFC 6962 root of the log). Every link names the one before it and is authorised by a
/// quorum of the log's own signers; nobody else has any power over it: no owner, no upgrade, no pause.
/// @dev A link's hash is its EIP-712 struct hash and nothing of the block goes into it. The same transactions replayed on
/// an empty chain therefore end in the same head, and an auditor can recompute a head from the events alone. Time is asked
/// for in one place, `reportLateAnchor`, which can disable a signer and moves no head.
///
/// Signers can be held to three things by anybody, with evidence and without permission: two roots of one size
/// (`reportEquivocation`), an anchor promise that was not kept (`reportLateAnchor`), and a signed head whose tree and an
/// anchored one hold different leaves at one index (`reportForkedPromise`, `reportForkedHead`). Each disables the signer
/// for ever. Evidence names its log, contract and chain, so none of it is good elsewhere, and twice is refused.
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

    /// @dev One signer's EIP-712 signature over AnchorPromise(logId, size, root, deadline): a head that contains this one
    /// will be anchored by `deadline` (Unix seconds). Given to whoever waits for an anchor; never sent here unless broken.
    struct AnchorPromise {
        uint64 size;
        bytes32 root;
        uint64 deadline;
        bytes signature;
    }

    /// @dev Two leaves at one index: `signedLeaf` in the tree of a signed head, `anchoredLeaf` in an anchored tree, each
    /// with its RFC 9162 path. Leaves are given by their hashes.
    struct Fork {
        uint64 index;
        bytes32 signedLeaf;
        bytes32[] signedPath;
        bytes32 anchoredLeaf;
        bytes32[] anchoredPath;
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
    /// @notice `signer` promised an anchor of `size` leaves by `deadline`; then there were `anchoredSize`. It is disabled.
    event PromiseBroken(
        bytes32 indexed logId, address indexed signer, uint64 size, bytes32 root, uint64 deadline, uint64 anchoredSize
    );
    /// @notice `signer` signed a head of `size` leaves that the tree anchored for `anchoredSize` contradicts. It is
    /// disabled. For two roots of one size `index` is that size, which is no leaf's.
    event ForkProven(
        bytes32 indexed logId,
        address indexed signer,
        uint64 size,
        bytes32 root,
        uint64 anchoredSize,
        bytes32 anchoredRoot,
        uint64 index
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
    error PromiseNotDue(uint64 deadline);
    error PromiseKept(uint64 promised, uint64 anchored);
    error NotAnchored(uint64 size);
    error NotIncluded(uint64 size, uint64 index);
    error NotAFork();

    bytes32 public constant ANCHOR_TYPEHASH =
        keccak256("Anchor(bytes32 logId,uint32 epoch,uint64 size,bytes32 root,bytes32 prev)");
    bytes32 public constant SIGNER_SET_TYPEHASH =
        keccak256("SignerSet(bytes32 logId,uint32 epoch,uint8 threshold,address[] signers,bytes32 prev)");
    bytes32 public constant ANCHOR_PROMISE_TYPEHASH =
        keccak256("AnchorPromise(bytes32 logId,uint64 size,bytes32 root,uint64 deadline)");
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
        _disable(log, logId, signer);
        emit EquivocationProven(logId, signer, size, a.root, b.root);
    }

    /// @notice Disables, for ever, a signer whose anchor promise was not kept: its deadline is over, and the log is
    /// anchored at fewer leaves than it promised. A promise answers for the whole quorum, whoever held it up, and for a
    /// signer that has left the set since. One that was kept late is kept: what counts is what stands here now, so a chain
    /// that loses and regains an anchor makes no promise broken. A promise of no leaves is always kept.
    /// @dev A block's maker can move the time by seconds. Deadlines are meant to be hours away; the largest never comes.
    function reportLateAnchor(bytes32 logId, AnchorPromise calldata promised) external returns (address signer) {
        Log storage log = _existing(logId);
        signer = _recoverPromise(logId, promised);
        if (block.timestamp <= promised.deadline) revert PromiseNotDue(promised.deadline);
        if (log.size >= promised.size) revert PromiseKept(promised.size, log.size);
        _disable(log, logId, signer);
        emit PromiseBroken(logId, signer, promised.size, promised.root, promised.deadline, log.size);
    }

    /// @notice Disables, for ever, a signer whose anchor promise is of another history than the one that was anchored. Not
    /// bound to the deadline: the promised head can never be contained in what follows.
    /// @param anchoredSize A size for which a root was anchored.
    /// @param fork Different leaves at one index of the two trees. When both have the same size, their different roots are
    /// the proof, and `fork` is not looked at.
    function reportForkedPromise(
        bytes32 logId,
        AnchorPromise calldata promised,
        uint64 anchoredSize,
        Fork calldata fork
    ) external returns (address signer) {
        signer = _recoverPromise(logId, promised);
        _proveFork(logId, signer, promised.size, promised.root, anchoredSize, fork);
    }

    /// @notice As `reportForkedPromise`, for a head that was signed to be anchored, whether it ever was or not.
    function reportForkedHead(
        bytes32 logId,
        uint64 size,
        SignedHead calldata head,
        uint64 anchoredSize,
        Fork calldata fork
    ) external returns (address signer) {
        signer = _recoverHead(logId, size, head, 0);
        _proveFork(logId, signer, size, head.root, anchoredSize, fork);
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

    /// @notice Whether `signer` was ever proven to have lied on this log.
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
        return root != 0 && _leadsTo(root, size, index, leafHash, path);
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

    /// @dev Checks the evidence and disables the signer. Index and sizes fix the form of both paths, so that an inner node
    /// cannot pass for a leaf; two honest heads of one log agree in every leaf they share.
    function _proveFork(
        bytes32 logId,
        address signer,
        uint64 size,
        bytes32 root,
        uint64 anchoredSize,
        Fork calldata fork
    ) private {
        Log storage log = _existing(logId);
        bytes32 anchoredRoot = _roots[logId][anchoredSize];
        if (anchoredRoot == 0) revert NotAnchored(anchoredSize);
        uint64 index = size;
        if (size == anchoredSize) {
            if (root == anchoredRoot) revert NotAFork();
        } else {
            index = fork.index;
            if (fork.signedLeaf == fork.anchoredLeaf) revert NotAFork();
            if (!_leadsTo(root, size, index, fork.signedLeaf, fork.signedPath)) revert NotIncluded(size, index);
            if (!_leadsTo(anchoredRoot, anchoredSize, index, fork.anchoredLeaf, fork.anchoredPath)) {
                revert NotIncluded(anchoredSize, index);
            }
        }
        _disable(log, logId, signer);
        emit ForkProven(logId, signer, size, root, anchoredSize, anchoredRoot, index);
    }

    /// @dev A signer that left the set is disabled too, without counting against the set that came after.
    function _disable(Log storage log, bytes32 logId, address signer) private {
        Signer storage known = _signers[logId][signer];
        if (known.epoch == 0) revert NotASigner(signer);
        if (known.disabled) revert SignerDisabled(signer);
        known.disabled = true;
        if (known.epoch == log.epoch) log.active -= 1;
    }

    /// @dev RFC 9162, 2.1.3.2.
    function _leadsTo(bytes32 root, uint64 size, uint64 index, bytes32 leafHash, bytes32[] calldata path)
        private
        pure
        returns (bool)
    {
        if (index >= size) return false;
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

    function _recoverPromise(bytes32 logId, AnchorPromise calldata promised) private view returns (address) {
        if (promised.signature.length != SIGNATURE_BYTES) revert SignaturesMalformed(promised.signature.length);
        bytes32 structHash =
            keccak256(abi.encode(ANCHOR_PROMISE_TYPEHASH, logId, promised.size, promised.root, promised.deadline));
        return _recover(_digest(structHash), promised.signature, 0);
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
