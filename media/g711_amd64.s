#include "textflag.h"

// G.711 by arithmetic, 16 samples at a time. A coded sample is a sign, an exponent of 3 bits and a
// mantissa of 4, as in a floating-point number of that size: so the processor's conversion to
// float32 finds exponent and mantissa, and a multiplication by a power of two undoes it.

#define WORD(name, value) \
	DATA name<>+0(SB)/2, value \
	GLOBL name<>(SB), RODATA|NOPTR, $2

WORD(octet, $0x00FF)
WORD(mantissa, $0x000F)
WORD(exponent, $0x0007)
WORD(nothing, $0x8000)      // makes VPSHUFB write 0 to the upper octet
WORD(signBit, $0x0080)
WORD(evenBits, $0x0055)     // A-law inverts every second bit
WORD(ulawBias, $0x0084)     // 33, at the scale of 16 bits
WORD(ulawInner, $33)        // the same at the scale of 14 bits
WORD(ulawClip, $0x1FFF)
WORD(ulawOrigin, $2112)     // (127 + 5) << 4: the bias's own exponent
WORD(inverted, $0x007F)
WORD(alawHalf, $0x0008)
WORD(alawBias, $0x0100)
WORD(alawOrigin, $2080)     // (127 + 3) << 4

DATA powers<>+0(SB)/8, $0x8040201008040201
DATA powers<>+8(SB)/8, $0
GLOBL powers<>(SB), RODATA|NOPTR, $16

// Exponents 0 and 1 of A-law have the same step.
DATA alawPowers<>+0(SB)/8, $0x4020100804020101
DATA alawPowers<>+8(SB)/8, $0
GLOBL alawPowers<>(SB), RODATA|NOPTR, $16

// func decodeUlawVectors(dst *int16, payload *byte, n int)
TEXT ·decodeUlawVectors(SB), NOSPLIT, $0-24
	MOVQ           dst+0(FP), DI
	MOVQ           payload+8(FP), SI
	MOVQ           n+16(FP), CX
	VPBROADCASTW   octet<>(SB), Y15
	VPBROADCASTW   mantissa<>(SB), Y14
	VPBROADCASTW   ulawBias<>(SB), Y13
	VPBROADCASTW   exponent<>(SB), Y12
	VPBROADCASTW   nothing<>(SB), Y11
	VBROADCASTI128 powers<>(SB), Y10

sixteen:
	VPMOVZXBW (SI), Y0
	VPXOR     Y15, Y0, Y0 // mu-law is sent inverted
	VPAND     Y14, Y0, Y1
	VPSLLW    $3, Y1, Y1
	VPADDW    Y13, Y1, Y1
	VPSRLW    $4, Y0, Y2
	VPAND     Y12, Y2, Y2
	VPOR      Y11, Y2, Y2
	VPSHUFB   Y2, Y10, Y2 // 2 to the exponent
	VPMULLW   Y2, Y1, Y1
	VPSUBW    Y13, Y1, Y1
	VPSLLW    $8, Y0, Y3
	VPSRAW    $15, Y3, Y3 // -1 where it is negative
	VPXOR     Y3, Y1, Y1
	VPSUBW    Y3, Y1, Y1
	VMOVDQU   Y1, (DI)
	ADDQ      $16, SI
	ADDQ      $32, DI
	SUBQ      $16, CX
	JG        sixteen
	VZEROUPPER
	RET

// func decodeAlawVectors(dst *int16, payload *byte, n int)
TEXT ·decodeAlawVectors(SB), NOSPLIT, $0-24
	MOVQ           dst+0(FP), DI
	MOVQ           payload+8(FP), SI
	MOVQ           n+16(FP), CX
	VPBROADCASTW   evenBits<>(SB), Y15
	VPBROADCASTW   mantissa<>(SB), Y14
	VPBROADCASTW   alawHalf<>(SB), Y13
	VPBROADCASTW   exponent<>(SB), Y12
	VPBROADCASTW   nothing<>(SB), Y11
	VBROADCASTI128 alawPowers<>(SB), Y10
	VPBROADCASTW   alawBias<>(SB), Y9
	VPXOR          Y8, Y8, Y8
	VPCMPEQW       Y7, Y7, Y7

sixteen:
	VPMOVZXBW (SI), Y0
	VPXOR     Y15, Y0, Y0
	VPAND     Y14, Y0, Y1
	VPSLLW    $4, Y1, Y1
	VPADDW    Y13, Y1, Y1
	VPSRLW    $4, Y0, Y2
	VPAND     Y12, Y2, Y2
	VPCMPEQW  Y8, Y2, Y4
	VPANDN    Y9, Y4, Y4  // no leading one where the exponent is 0
	VPADDW    Y4, Y1, Y1
	VPOR      Y11, Y2, Y2
	VPSHUFB   Y2, Y10, Y2
	VPMULLW   Y2, Y1, Y1
	VPSLLW    $8, Y0, Y3
	VPSRAW    $15, Y3, Y3
	VPXOR     Y7, Y3, Y3  // A-law's sign bit is set for what is positive
	VPXOR     Y3, Y1, Y1
	VPSUBW    Y3, Y1, Y1
	VMOVDQU   Y1, (DI)
	ADDQ      $16, SI
	ADDQ      $32, DI
	SUBQ      $16, CX
	JG        sixteen
	VZEROUPPER
	RET

// FLOAT4 makes words of exponent and mantissa, 4 bits of it, out of the words of Y2: to Y3.
#define FLOAT4 \
	VPMOVZXWD    X2, Y3 \
	VEXTRACTI128 $1, Y2, X4 \
	VPMOVZXWD    X4, Y4 \
	VCVTDQ2PS    Y3, Y3 \
	VCVTDQ2PS    Y4, Y4 \
	VPSRLD       $19, Y3, Y3 \
	VPSRLD       $19, Y4, Y4 \
	VPACKUSDW    Y4, Y3, Y3 \
	VPERMQ       $0xD8, Y3, Y3

// OCTETS writes the words of Y3 as octets.
#define OCTETS \
	VPACKUSWB Y3, Y3, Y3 \
	VPERMQ    $0x08, Y3, Y3 \
	VMOVDQU   X3, (DI)

// func encodeUlawVectors(dst *byte, pcm *int16, n int)
TEXT ·encodeUlawVectors(SB), NOSPLIT, $0-24
	MOVQ         dst+0(FP), DI
	MOVQ         pcm+8(FP), SI
	MOVQ         n+16(FP), CX
	VPBROADCASTW ulawInner<>(SB), Y15
	VPBROADCASTW ulawClip<>(SB), Y14
	VPBROADCASTW ulawOrigin<>(SB), Y13
	VPBROADCASTW signBit<>(SB), Y12
	VPBROADCASTW inverted<>(SB), Y11

sixteen:
	VMOVDQU (SI), Y0
	VPSRAW  $15, Y0, Y1
	VPXOR   Y1, Y0, Y2   // -1 counts as 0, as in the standard's code
	VPSRLW  $2, Y2, Y2
	VPADDW  Y15, Y2, Y2
	VPMINSW Y14, Y2, Y2
	FLOAT4
	VPSUBW  Y13, Y3, Y3
	VPXOR   Y11, Y3, Y3
	VPANDN  Y12, Y1, Y1
	VPXOR   Y1, Y3, Y3
	OCTETS
	ADDQ    $32, SI
	ADDQ    $16, DI
	SUBQ    $16, CX
	JG      sixteen
	VZEROUPPER
	RET

// func encodeAlawVectors(dst *byte, pcm *int16, n int)
TEXT ·encodeAlawVectors(SB), NOSPLIT, $0-24
	MOVQ         dst+0(FP), DI
	MOVQ         pcm+8(FP), SI
	MOVQ         n+16(FP), CX
	VPBROADCASTW mantissa<>(SB), Y15
	VPBROADCASTW alawOrigin<>(SB), Y13
	VPBROADCASTW signBit<>(SB), Y12
	VPBROADCASTW evenBits<>(SB), Y11

sixteen:
	VMOVDQU (SI), Y0
	VPSRAW  $15, Y0, Y1
	VPXOR   Y1, Y0, Y2
	VPSRLW  $4, Y2, Y2
	VPMINSW Y15, Y2, Y5  // the first 16 steps have no exponent
	FLOAT4
	VPSUBW  Y13, Y3, Y3
	VPMAXSW Y5, Y3, Y3
	VPANDN  Y12, Y1, Y1
	VPXOR   Y1, Y3, Y3
	VPXOR   Y11, Y3, Y3
	OCTETS
	ADDQ    $32, SI
	ADDQ    $16, DI
	SUBQ    $16, CX
	JG      sixteen
	VZEROUPPER
	RET
